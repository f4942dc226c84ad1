// Every case of tests/cases/providers (made with other implementations) and
// tests/own_cases/providers (of the providers of our own design): verdict, key, events and reply.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "providers/case_file.h"
#include "providers/provider.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

std::string normal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!(text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')) out += text[i];
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

/// Only what the case names is compared.
bool same(const json::value& want, const json::value* got) {
  if (got == nullptr) return want.is_null();
  if (want.is_object()) {
    if (!got->is_object()) return false;
    return std::ranges::all_of(want.get_object(), [&](const auto& member) {
      return same(member.value(), got->get_object().if_contains(member.key()));
    });
  }
  if (want.is_array()) {
    if (!got->is_array() || got->get_array().size() != want.get_array().size()) return false;
    for (std::size_t i = 0; i < want.get_array().size(); ++i)
      if (!same(want.get_array()[i], &got->get_array()[i])) return false;
    return true;
  }
  if (want.is_string())
    return got->is_string() && normal(want.get_string()) == normal(got->get_string());
  if (want.is_number() && got->is_number())
    return std::abs(want.to_number<double>() - got->to_number<double>()) < 1e-6;
  return want == *got;
}

std::string text_of(const json::value* value) {
  if (value == nullptr) return "nothing";
  std::string text;
  text::append_json(text, *value);
  return text;
}

void check_case(const std::filesystem::path& path) {
  CAPTURE(path.string());
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto given = text::parse_payload(bytes);
  REQUIRE(given.has_value());
  const auto got = play_case(given->as_object());
  REQUIRE_MESSAGE(got.has_value(), got.error().what);
  const auto& want = given->at("expect").as_object();
  const bool verified = want.at("verified").as_bool();
  CHECK_MESSAGE(got->at("verified").as_bool() == verified, text_of(got->if_contains("reason")));
  if (!verified) {
    CHECK(got->at("events").as_array().empty());
    CHECK(!text_of(got->if_contains("reason")).empty());
  }
  for (const auto name : {"idempotency_key", "events", "response", "action", "parse_error"}) {
    const auto* expected = want.if_contains(name);
    if (expected == nullptr || (std::string_view(name) == "response" && expected->is_null()))
      continue;
    if (!verified && std::string_view(name) != "response") continue;
    CHECK_MESSAGE(same(*expected, got->if_contains(name)), name << ": want " << text_of(expected)
                                                                << ", got "
                                                                << text_of(got->if_contains(name)));
  }
}

std::vector<std::filesystem::path> cases_of(std::string_view provider) {
  std::vector<std::filesystem::path> found;
  for (const auto root : {"tests/cases/providers", "tests/own_cases/providers"}) {
    const auto folder = std::filesystem::path(POSTHORN_SOURCE_DIR) / root / provider;
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

TEST_CASE("every case of every provider gives what it must") {
  for (const auto* provider : registry()) {
    const std::string name(provider->name);
    SUBCASE(name.c_str()) {
      const auto paths = cases_of(provider->name);
      CHECK(paths.size() >= 8);
      for (const auto& path : paths) check_case(path);
    }
  }
}

TEST_CASE("every folder of cases has its provider") {
  for (const auto root : {"tests/cases/providers", "tests/own_cases/providers"}) {
    const auto folder = std::filesystem::path(POSTHORN_SOURCE_DIR) / root;
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      CHECK_MESSAGE(find_provider(entry.path().filename().string()) != nullptr,
                    entry.path().string());
  }
}

}  // namespace
}  // namespace posthorn::providers
