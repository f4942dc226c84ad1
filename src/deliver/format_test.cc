#include <doctest/doctest.h>

#include <pugixml.hpp>

#include "deliver/message.h"
#include "deliver/tree_format.h"
#include "text/json.h"

using namespace posthorn;
using namespace posthorn::deliver;
using model::PayloadFormat;

namespace {

model::Event event(std::string data) {
  model::Event made;
  made.id = EventId{44};
  made.workspace = WorkspaceId{1};
  made.application = ApplicationId{2};
  made.type = "ticket.created";
  made.type_version = 3;
  made.actor = "key:key_0000000000003";
  made.created_at = *parse_rfc3339("2026-11-21T06:34:31.204Z");
  made.data = share(std::move(data));
  return made;
}

std::string written(const model::Event& sent, PayloadFormat format) {
  return *format_body(sent, format).bytes;
}

std::string xml(std::string_view json) {
  std::string out;
  append_xml(out, "data", json);
  return out;
}

std::string form(std::string_view json) {
  std::string out;
  append_form(out, "data", json);
  return out;
}

}  // namespace

TEST_CASE("format json: the envelope, with the data byte for byte as it came") {
  const std::string data = R"({ "n":12345678901234567890123.10, "b":1,"a" : 2 ,"u":"\u00e9"})";
  auto sent = event(data);
  const Body body = format_body(sent, PayloadFormat::json);
  CHECK(body.content_type == "application/json");
  CHECK(*body.bytes ==
        R"({"id":"evt_000000000001c","type":"ticket.created","version":"3",)"
        R"("timestamp":"2026-11-21T06:34:31.204Z","workspace_id":"ws_0000000000001",)"
        R"("actor":{"type":"key","id":"key_0000000000003"},"sequence":null,"data":)" +
            data + "}");
}

TEST_CASE("format json: a key counts in its own stream, and any text is escaped") {
  auto sent = event("null");
  sent.key = "ticket \"1\"\n";
  sent.sequence = 12;
  sent.actor = "system";
  const auto parsed = text::parse_json(written(sent, PayloadFormat::json));
  REQUIRE(parsed);
  CHECK(*text::at_pointer(*parsed, "/sequence/stream") == text::json::value("ticket \"1\"\n"));
  CHECK(*text::at_pointer(*parsed, "/sequence/n") == text::json::value(12));
  CHECK(*text::at_pointer(*parsed, "/actor/type") == text::json::value("system"));
  CHECK(text::at_pointer(*parsed, "/actor/id")->is_null());
}

TEST_CASE("format bare: the data itself, shared and not copied") {
  const auto sent = event("[1,2]");
  const Body body = format_body(sent, PayloadFormat::bare);
  CHECK(body.bytes == sent.data);
  CHECK(body.content_type == "application/json");
}

TEST_CASE("every format stands without data") {
  auto sent = event("{}");
  sent.data = nullptr;
  for (const auto format :
       {PayloadFormat::json, PayloadFormat::bare, PayloadFormat::xml, PayloadFormat::form,
        PayloadFormat::cloudevents, PayloadFormat::cloudevents_binary})
    CHECK_FALSE(written(sent, format).empty());
  CHECK(written(sent, PayloadFormat::json).ends_with(R"("data":null})"));
  CHECK(written(sent, PayloadFormat::bare) == "null");
}

TEST_CASE("format xml: the same tree as the envelope") {
  auto sent = event(R"({"ticket":{"id":"tkt_1","tags":["a","b"]}})");
  sent.key = "t1";
  sent.sequence = 2;
  const Body body = format_body(sent, PayloadFormat::xml);
  CHECK(body.content_type == "application/xml");
  CHECK(*body.bytes ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<event><id>evt_000000000001c</id><type>ticket.created</type><version>3</version>"
        "<timestamp>2026-11-21T06:34:31.204Z</timestamp>"
        "<workspace_id>ws_0000000000001</workspace_id>"
        "<actor><type>key</type><id>key_0000000000003</id></actor>"
        "<sequence><stream>t1</stream><n type=\"number\">2</n></sequence>"
        "<data><ticket><id>tkt_1</id><tags type=\"array\"><item>a</item><item>b</item></tags>"
        "</ticket></data></event>");
}

TEST_CASE("append_xml: how each value maps") {
  CHECK(xml("null") == "<data type=\"null\"/>");
  CHECK(xml("true") == "<data type=\"boolean\">true</data>");
  CHECK(xml("-1.50e+3") == "<data type=\"number\">-1.50e+3</data>");
  CHECK(xml("123456789012345678901234567890") ==
        "<data type=\"number\">123456789012345678901234567890</data>");
  CHECK(xml(R"("")") == "<data></data>");
  CHECK(xml(R"(" <a & 'b'> \"c\"\r\n\t")") ==
        "<data> &lt;a &amp; 'b'&gt; &quot;c&quot;&#13;&#10;&#9;</data>");
  CHECK(xml("{}") == "<data></data>");
  CHECK(xml("[]") == "<data type=\"array\"></data>");
  CHECK(xml("[[1],{}]") ==
        "<data type=\"array\"><item type=\"array\"><item type=\"number\">1</item></item>"
        "<item></item></data>");
  CHECK(xml(" { \"a\" : 1 } \n") == "<data><a type=\"number\">1</a></data>");
}

TEST_CASE("append_xml: names that XML does not allow become member elements") {
  CHECK(xml(R"({"1a":1})") == "<data><member name=\"1a\" type=\"number\">1</member></data>");
  CHECK(xml(R"({"":null})") == "<data><member name=\"\" type=\"null\"/></data>");
  CHECK(xml(R"({"a b":""})") == "<data><member name=\"a b\"></member></data>");
  CHECK(xml(R"({"XmLish":""})") == "<data><member name=\"XmLish\"></member></data>");
  CHECK(xml(R"({"a:b":""})") == "<data><member name=\"a:b\"></member></data>");
  CHECK(xml(R"({"<\"&\n":""})") == "<data><member name=\"&lt;&quot;&amp;&#10;\"></member></data>");
  CHECK(xml(R"({"a-b.c_1":""})") == "<data><a-b.c_1></a-b.c_1></data>");
  CHECK(xml("{\"\xC3\xA9\":\"\"}") == "<data><member name=\"\xC3\xA9\"></member></data>");
}

TEST_CASE("append_xml: characters that XML cannot hold are replaced") {
  CHECK(xml("\"a\\u0001b\\u001f\"") ==
        "<data>a\xEF\xBF\xBD"
        "b\xEF\xBF\xBD</data>");
  CHECK(xml("\"\\ufffe\\uffff\\ufffd\"") == "<data>\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD</data>");
}

TEST_CASE("append_xml: what it writes is read back by an XML parser") {
  const std::string out = xml(R"({"odd name":" x\r\n\t<&> ","list":[1,"two",null]})");
  pugi::xml_document document;
  REQUIRE(document.load_buffer(out.data(), out.size(), pugi::parse_full));
  const auto root = document.child("data");
  CHECK(std::string(root.child("member").attribute("name").value()) == "odd name");
  CHECK(std::string(root.child("member").text().get()) == " x\r\n\t<&> ");
  CHECK(std::string(root.child("list").last_child().attribute("type").value()) == "null");
}

TEST_CASE("append_form: leaves with their path in brackets") {
  CHECK(form("null") == "data=");
  CHECK(form("false") == "data=false");
  CHECK(form("1.00") == "data=1.00");
  CHECK(form(R"("a b&c=d+\u00e9")") == "data=a+b%26c%3Dd%2B%C3%A9");
  CHECK(form(R"({"a":1,"b":{"c":[2,"x"]}})") ==
        "data%5Ba%5D=1&data%5Bb%5D%5Bc%5D%5B0%5D=2&data%5Bb%5D%5Bc%5D%5B1%5D=x");
  CHECK(form("[[1,2],[3]]") == "data%5B0%5D%5B0%5D=1&data%5B0%5D%5B1%5D=2&data%5B1%5D%5B0%5D=3");
  CHECK(form("{}") == "data=");
  CHECK(form(R"({"e":{},"l":[],"z":0})") == "data%5Be%5D=&data%5Bl%5D=&data%5Bz%5D=0");
  CHECK(form(R"({"a[b]":1})") == "data%5Ba%5Bb%5D%5D=1");
}

TEST_CASE("format form: the whole envelope") {
  auto sent = event(R"({"subject":"Order 4711"})");
  const Body body = format_body(sent, PayloadFormat::form);
  CHECK(body.content_type == "application/x-www-form-urlencoded");
  CHECK(*body.bytes ==
        "id=evt_000000000001c&type=ticket.created&version=3"
        "&timestamp=2026-11-21T06%3A34%3A31.204Z&workspace_id=ws_0000000000001"
        "&actor%5Btype%5D=key&actor%5Bid%5D=key_0000000000003&sequence="
        "&data%5Bsubject%5D=Order+4711");
}

TEST_CASE("trees: the deepest text that is accepted is written") {
  const std::string deep =
      std::string(text::json_depth_max, '[') + std::string(text::json_depth_max, ']');
  CHECK_FALSE(xml(deep).contains("unparsed"));
  CHECK(xml("{broken") == "<data type=\"unparsed\">{broken</data>");
  CHECK(form("{broken") == "data=%7Bbroken");
}

TEST_CASE("format cloudevents: structured mode") {
  auto sent = event(R"({"big":1e2})");
  sent.key = "t1";
  sent.sequence = 7;
  const Body body = format_body(sent, PayloadFormat::cloudevents);
  CHECK(body.content_type == "application/cloudevents+json");
  CHECK(body.headers.empty());
  CHECK(*body.bytes ==
        R"({"specversion":"1.0","id":"evt_000000000001c",)"
        R"("source":"/workspaces/ws_0000000000001/applications/app_0000000000002",)"
        R"("type":"ticket.created","time":"2026-11-21T06:34:31.204Z","typeversion":"3",)"
        R"("actor":"key:key_0000000000003","subject":"t1","sequence":"00000000000000000007",)"
        R"("datacontenttype":"application/json","data":{"big":1e2}})");
}

TEST_CASE("format cloudevents: binary mode has the data as body and encoded headers") {
  auto sent = event("{}");
  sent.key = "caf\xC3\xA9 \"100%\"";
  const Body body = format_body(sent, PayloadFormat::cloudevents_binary);
  CHECK(body.bytes == sent.data);
  CHECK(body.content_type == "application/json");
  const auto value = [&body](std::string_view name) {
    for (const auto& header : body.headers)
      if (header.name == name) return header.value;
    return std::string("missing");
  };
  CHECK(value("ce-specversion") == "1.0");
  CHECK(value("ce-id") == "evt_000000000001c");
  CHECK(value("ce-type") == "ticket.created");
  CHECK(value("ce-time") == "2026-11-21T06:34:31.204Z");
  CHECK(value("ce-subject") == "caf%C3%A9%20%22100%25%22");
  CHECK(value("ce-sequence") == "missing");
}
