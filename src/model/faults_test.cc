#include "model/faults.h"

#include <doctest/doctest.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/bytes.h"
#include "model/names.h"

using namespace posthorn;
using namespace posthorn::model;

TEST_CASE("faults: kept up to a hundred, counted beyond") {
  Faults faults;
  CHECK(faults.empty());
  CHECK(faults.result().has_value());
  for (int i = 0; i < 150; ++i) faults.add("/a", "type", "wrong");
  CHECK(faults.all().size() == faults_max);
  CHECK(faults.count() == 150);
  CHECK_FALSE(faults.result().has_value());
}

TEST_CASE("faults: the summary names places, and how many it leaves out") {
  Faults faults;
  faults.add("/url", "required", "url is required");
  faults.add("", "type", "takes an object");
  CHECK(faults.summary() == "/url: url is required; takes an object");
  for (int i = 0; i < 5; ++i) faults.add("/x", "type", "y");
  CHECK(faults.summary().ends_with("; and 2 more"));
}

TEST_CASE("shown: short, whole characters, safe to print") {
  CHECK(shown("abc") == "\"abc\"");
  CHECK(shown(std::string(40, 'x')) == '"' + std::string(40, 'x') + '"');
  CHECK(shown(std::string(41, 'x')) == '"' + std::string(40, 'x') + "…\"");
  std::string umlauts;
  for (int i = 0; i < 50; ++i) umlauts += "ä";
  CHECK(is_utf8(shown(umlauts)));
  CHECK(shown("\x1b[2J") == "\"\\x1b[2J\"");
  CHECK(shown(json::value(json::object{})) == "{}");
  CHECK(shown(json::value(json::object{{"a", 1}})) == "an object");
  CHECK(shown(json::value(json::array{1})) == "a list");
  CHECK(shown(json::value(nullptr)) == "null");
  CHECK(shown(json::value(-5)) == "-5");
}

TEST_CASE("names: every enumerator has its own text and back") {
  for (const auto& entry : delivery_states) {
    CHECK(to_string(entry.value) == entry.name);
    CHECK(value_of(delivery_states, entry.name) == entry.value);
  }
  CHECK(to_string(static_cast<DeliveryState>(99)) == "unknown");
  CHECK_FALSE(value_of(triggers, "").has_value());
  CHECK(to_string(PayloadFormat::cloudevents_binary) == "cloudevents_binary");
}
