#include "model/schema.h"

#include <doctest/doctest.h>

#include "text/json.h"

using namespace posthorn;
using namespace posthorn::model;

namespace {

json::value parsed(std::string_view text) { return text::parse_json(text).value(); }

/// "pointer: detail" of every fault of the instance, in order.
std::string refused(std::string_view schema_text, std::string_view instance) {
  auto schema = Schema::parse(schema_text);
  REQUIRE(schema.has_value());
  Faults faults;
  schema->check(parsed(instance), faults);
  return faults.summary();
}

bool takes(std::string_view schema_text, std::string_view instance) {
  return refused(schema_text, instance).empty();
}

/// The places of a schema's own faults.
std::string places(std::string_view schema_text) {
  Faults faults;
  (void)Schema::read(parsed(schema_text), faults);
  std::string out;
  for (const Fault& fault : faults.all()) {
    CHECK(fault.code == "schema");
    out += (out.empty() ? "" : " ") + (fault.pointer.empty() ? std::string("root") : fault.pointer);
  }
  return out;
}

}  // namespace

TEST_CASE("schema: types, alone and in a list") {
  CHECK(takes("{}", "5"));
  CHECK(takes("true", "5"));
  CHECK(refused("false", "5") == "is not allowed here");
  CHECK(takes(R"({"type": "integer"})", "5"));
  CHECK(takes(R"({"type": "integer"})", "5.0"));
  CHECK(takes(R"({"type": "integer"})", "18446744073709551615"));
  CHECK(refused(R"({"type": "integer"})", "5.5") == "takes integer, not 5.5");
  CHECK(takes(R"({"type": "number"})", "5.5"));
  CHECK(takes(R"({"type": ["string", "null"]})", "null"));
  CHECK(refused(R"({"type": ["string", "null"]})", "[]") == "takes string or null, not []");
  CHECK_FALSE(takes(R"({"type": "boolean"})", "0"));
  CHECK_FALSE(takes(R"({"type": "object"})", "[]"));
}

TEST_CASE("schema: members, with every fault at its place") {
  constexpr std::string_view schema = R"({
    "type": "object", "required": ["id", "a/b"], "additionalProperties": false,
    "properties": {"id": {"type": "integer", "minimum": 1}, "a/b": {}, "tags": {
      "type": "array", "items": {"type": "string", "maxLength": 2}, "maxItems": 2}}})";
  CHECK(takes(schema, R"({"id": 1, "a/b": null, "tags": ["x", "\u00e4\u00f6"]})"));
  CHECK(refused(schema, R"({"id": 0, "tags": ["abc", 1, ""], "more": 1})") ==
        "/a~1b: a/b is required; /id: takes a number from 1, not 0; "
        "/tags/0: takes at most 2 characters, not 3; /tags/1: takes string, not 1; "
        "/tags: takes at most 2 entries, not 3; and 1 more");
  CHECK(takes(R"({"additionalProperties": {"type": "string"}})", R"({"a": "b"})"));
  CHECK_FALSE(takes(R"({"additionalProperties": {"type": "string"}})", R"({"a": 1})"));
}

TEST_CASE("schema: limits at the edge and one past it") {
  CHECK(takes(R"({"minLength": 2, "maxLength": 2})", R"("ab")"));
  CHECK_FALSE(takes(R"({"minLength": 2})", R"("a")"));
  CHECK_FALSE(takes(R"({"maxLength": 2})", R"("abc")"));
  CHECK(takes(R"({"minItems": 1})", "[1]"));
  CHECK_FALSE(takes(R"({"minItems": 1})", "[]"));
  CHECK(takes(R"({"minProperties": 1, "maxProperties": 1})", R"({"a": 1})"));
  CHECK_FALSE(takes(R"({"minProperties": 1})", "{}"));
  CHECK_FALSE(takes(R"({"maxProperties": 0})", R"({"a": 1})"));
  CHECK(takes(R"({"minimum": 1, "maximum": 1})", "1"));
  CHECK_FALSE(takes(R"({"maximum": 1})", "1.01"));
  CHECK_FALSE(takes(R"({"exclusiveMinimum": 1})", "1"));
  CHECK(takes(R"({"exclusiveMinimum": 1})", "1.01"));
  CHECK_FALSE(takes(R"({"exclusiveMaximum": 1})", "1"));
  CHECK(takes(R"({"minLength": 5, "minimum": 5, "minItems": 5})", "null"));
}

TEST_CASE("schema: enum and const compare values, not their spelling") {
  CHECK(takes(R"({"enum": ["a", 1, null]})", "1.0"));
  CHECK(takes(R"({"const": {"a": [1, 2]}})", R"({"a": [1.0, 2]})"));
  CHECK_FALSE(takes(R"({"const": {"a": [1, 2]}})", R"({"a": [2, 1]})"));
  CHECK_FALSE(takes(R"({"const": {"a": 1}})", R"({"a": 1, "b": 2})"));
  CHECK(refused(R"({"enum": ["a"]})", R"("b")") == "is none of the allowed values: \"b\"");
  CHECK_FALSE(takes(R"({"enum": []})", "1"));
  CHECK_FALSE(takes(R"({"const": false})", "0"));
}

TEST_CASE("schema: references, also recursive ones") {
  constexpr std::string_view tree = R"({"$ref": "#/$defs/node", "$defs": {"node": {
    "type": "object", "required": ["v"],
    "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}}}}})";
  CHECK(takes(tree, R"({"v": 1, "next": {"v": 2, "next": {"v": 3}}})"));
  CHECK(refused(tree, R"({"v": 1, "next": {"v": 2, "next": {}}})") ==
        "/next/next/v: v is required");
  CHECK(takes(R"({"items": {"$ref": "#"}, "type": "array"})", "[[], [[]]]"));
  CHECK_FALSE(takes(R"({"items": {"$ref": "#"}, "type": "array"})", "[[], [1]]"));
  CHECK(takes(R"({"$defs": {"a/b": {"type": "null"}}, "items": {"$ref": "#/$defs/a~1b"}})",
              "[null]"));
}

TEST_CASE("schema: annotations and x- names check nothing") {
  CHECK(takes(R"({"$schema": "x", "$id": "y", "title": "t", "format": "email", "default": 1,
                  "examples": [1], "x-note": {"type": "bogus"}})",
              "5"));
}

TEST_CASE("schema: what is outside the subset is named, with its place") {
  CHECK(places(R"({"pattern": "a"})") == "/pattern");
  CHECK(places(R"({"anyOf": []})") == "/anyOf");
  CHECK(places(R"({"properties": {"a": {"uniqueItems": true}}})") == "/properties/a/uniqueItems");
  CHECK(places(R"({"items": {"$defs": {}}})") == "/items/$defs");
  CHECK(places(R"({"prefixItems": []})") == "/prefixItems");
  Faults faults;
  (void)Schema::read(parsed(R"({"pattern": "a"})"), faults, "/versions/0/json_schema");
  CHECK(
      faults.summary().starts_with("/versions/0/json_schema/pattern: the keyword \"pattern\" is "
                                   "not supported; these are: type, "));
}

TEST_CASE("schema: wrong values of keywords are told") {
  CHECK(places("5") == "root");
  CHECK(places(R"({"type": "text"})") == "/type");
  CHECK(places(R"({"type": []})") == "/type");
  CHECK(places(R"({"type": 1})") == "/type");
  CHECK(places(R"({"enum": 1})") == "/enum");
  CHECK(places(R"({"enum": [1], "const": 1})") == "/const");
  CHECK(places(R"({"required": "a"})") == "/required");
  CHECK(places(R"({"required": [1]})") == "/required");
  CHECK(places(R"({"properties": []})") == "/properties");
  CHECK(places(R"({"properties": {"a~b": 1}})") == "/properties/a~0b");
  CHECK(places(R"({"items": [], "additionalProperties": 1})") == "/items /additionalProperties");
  CHECK(places(R"({"minLength": -1, "maxItems": 1.5, "minProperties": "1"})") ==
        "/minLength /maxItems /minProperties");
  CHECK(places(R"({"minimum": "1"})") == "/minimum");
  CHECK(places(R"({"$defs": 1})") == "/$defs");
  CHECK(places(R"({"$ref": "http://elsewhere/"})") == "/$ref");
  CHECK(places(R"({"$ref": "#/$defs/missing"})") == "/$ref");
  CHECK(places(R"({"$ref": "#/properties/a"})") == "/$ref");
  CHECK(places(R"({"$defs": {"a": {}}, "$ref": "#/$defs/a", "type": "null"})") == "/type");
}

TEST_CASE("schema: references that never reach a value are refused") {
  CHECK(places(R"({"$ref": "#"})") == "/$ref");
  CHECK(places(R"({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})") ==
        "/$defs/a/$ref /$defs/b/$ref");
}

TEST_CASE("schema: at the limit of parts and bytes, and one past it") {
  const auto with_parts = [](int count) {
    std::string out = "{\"properties\":{";
    for (int i = 1; i < count; ++i) out += (i == 1 ? "\"" : ",\"") + std::to_string(i) + "\":{}";
    return out + "}}";
  };
  CHECK(places(with_parts(schema_nodes_max)).empty());
  CHECK(places(with_parts(schema_nodes_max + 2)) == "/properties/2000");
  const auto of_bytes = [](std::size_t bytes) {
    return "{\"title\":\"" + std::string(bytes - 12, 'x') + "\"}";
  };
  CHECK(Schema::parse(of_bytes(schema_bytes_max)).has_value());
  CHECK_FALSE(Schema::parse(of_bytes(schema_bytes_max + 1)).has_value());
  CHECK_FALSE(Schema::parse("{").has_value());
  CHECK_FALSE(Schema::parse(R"({"pattern": ""})").has_value());
}
