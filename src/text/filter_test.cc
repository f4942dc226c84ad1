#include "text/filter.h"

#include <doctest/doctest.h>

namespace posthorn::text {
namespace {

const json::object& document() {
  static const json::object made = parse_json(R"({
    "id": "evt_1", "type": "order.paid", "key": null, "application": "app_1",
    "channels": ["north", "vip"],
    "data": {
      "amount": 40, "rate": 1.5, "currency": "GBP", "big": 18446744073709551615,
      "exact": 9007199254740993, "vip": false, "none": null, "a.b": 1, "7": "seven", "o": {"x": 1, "y": [2]},
      "lines": [{"sku": "abc"}, {"sku": "xyz"}], "empty": []
    }})")
                                       ->as_object();
  return made;
}

Filter filter(std::string_view source) {
  auto parsed = Filter::parse(*parse_json(source));
  if (!parsed) FAIL(parsed.error().what);
  return *parsed;
}

bool matches(std::string_view source) {
  const Filter one = filter(source);
  CHECK(one.why_not(document()).empty() == one.matches(document()));
  return one.matches(document());
}

std::string fault(std::string_view source) {
  const auto parsed = Filter::parse(*parse_json(source));
  if (parsed) return "accepted";
  CHECK(parsed.error().code == Errc::invalid);
  return parsed.error().what;
}

TEST_CASE("filter: every operator, where it holds and where it does not") {
  const std::vector<std::pair<std::string, std::string>> pairs{
      {R"({"data.amount": 40})", R"({"data.amount": 41})"},
      {R"({"data.amount": 40.0})", R"({"data.amount": "40"})"},
      {R"({"data.big": 18446744073709551615})", R"({"data.big": 18446744073709551614})"},
      {R"({"data.exact": {"$gt": 9007199254740992.0}})", R"({"data.exact": 9007199254740992.0})"},
      {R"({"data.none": null})", R"({"data.absent": null})"},
      {R"({"key": null})", R"({"key": "k"})"},
      {R"({"data.o": {"$eq": {"y": [2.0], "x": 1}}})", R"({"data.o": {"$eq": {"x": 1}}})"},
      {R"({"data.o": {"$ne": {"x": 1}}})", R"({"data.o": {"$ne": {"y": [2], "x": 1}}})"},
      {R"({"data.absent": {"$ne": 1}})", R"({"data.vip": {"$ne": false}})"},
      {R"({"data.amount": {"$gt": 39.5}})", R"({"data.amount": {"$gt": 40}})"},
      {R"({"data.amount": {"$gte": 40}})", R"({"data.amount": {"$gte": 40.1}})"},
      {R"({"data.rate": {"$lt": 2}})", R"({"data.rate": {"$lt": 1.5}})"},
      {R"({"data.rate": {"$lte": 1.5}})", R"({"data.rate": {"$lte": 1}})"},
      {R"({"data.currency": {"$gt": "EUR"}})", R"({"data.currency": {"$gt": 1}})"},
      {R"({"data.currency": {"$in": ["EUR", "GBP"]}})", R"({"data.currency": {"$in": ["EUR"]}})"},
      {R"({"data.absent": {"$nin": [1]}})", R"({"data.absent": {"$in": [1, null]}})"},
      {R"({"data.currency": {"$nin": ["EUR"]}})", R"({"data.currency": {"$nin": ["GBP"]}})"},
      {R"({"data.none": {"$exists": true}})", R"({"data.none": {"$exists": false}})"},
      {R"({"data.absent": {"$exists": false}})", R"({"data.absent": {"$exists": true}})"},
      {R"({"type": {"$starts_with": "order."}})", R"({"type": {"$starts_with": "rder."}})"},
      {R"({"type": {"$ends_with": ".paid"}})", R"({"data.amount": {"$ends_with": "0"}})"},
      {R"({"type": {"$contains": "er.p"}})", R"({"type": {"$contains": 1}})"},
      {R"({"channels": {"$contains": "vip"}})", R"({"channels": {"$contains": "vi"}})"},
      {R"({"channels[1]": "vip"})", R"({"channels[2]": "vip"})"},
      {R"({"channels.1": "vip"})", R"({"channels.x": "vip"})"},
      {R"({"data.lines[1].sku": "xyz"})", R"({"data.lines[0].sku": "xyz"})"},
      {R"({"data.lines.0.sku": "abc"})", R"({"data.lines.sku": "abc"})"},
      {R"({"data.7": "seven"})", R"({"data[7]": "seven"})"},
      {R"({"data.a\\.b": 1})", R"({"data.a.b": 1})"},
      {R"({})", R"({"data.amount": {"$gt": 1, "$lt": 40}})"},
      {R"({"$and": [{"data.amount": 40}, {"type": "order.paid"}]})",
       R"({"$and": [{"data.amount": 40}, {"type": "x"}]})"},
      {R"({"$or": [{"data.vip": true}, {"$not": {"data.plan": "free"}}]})",
       R"({"$or": [{"data.vip": true}, {"data.plan": "free"}]})"},
      {R"({"$not": {"data.vip": true}})", R"({"$not": {}})"},
  };
  for (const auto& [yes, no] : pairs) {
    CAPTURE(yes);
    CAPTURE(no);
    CHECK(matches(yes));
    CHECK_FALSE(matches(no));
  }
}

TEST_CASE("filter: says which condition failed first") {
  const auto why = [](std::string_view source) { return filter(source).why_not(document()); };
  CHECK(why(R"({"data.vip": false, "data.amount": {"$gte": 100}})") ==
        "data.amount is 40, not >= 100");
  CHECK(why(R"({"data.currency": "EUR"})") == "data.currency is \"GBP\", not \"EUR\"");
  CHECK(why(R"({"data.plan": "free"})") == "data.plan is absent, not \"free\"");
  CHECK(why(R"({"data.amount": {"$ne": 40}})") == "data.amount is 40, which it must not be");
  CHECK(why(R"({"data.rate": {"$gt": 2.5}})") == "data.rate is 1.5, not > 2.5");
  CHECK(why(R"({"data.rate": {"$lt": 1}})") == "data.rate is 1.5, not < 1");
  CHECK(why(R"({"data.rate": {"$lte": 1}})") == "data.rate is 1.5, not <= 1");
  CHECK(why(R"({"data.currency": {"$in": ["EUR", 1]}})") ==
        "data.currency is \"GBP\", not one of \"EUR\", 1");
  CHECK(why(R"({"data.currency": {"$nin": ["GBP"]}})") ==
        "data.currency is \"GBP\", which is one of \"GBP\"");
  CHECK(why(R"({"data.plan": {"$exists": true}})") == "data.plan is absent, and must be there");
  CHECK(why(R"({"data.vip": {"$exists": false}})") == "data.vip is false, and must be absent");
  CHECK(why(R"({"type": {"$starts_with": "x"}})") ==
        "type is \"order.paid\", which does not start with \"x\"");
  CHECK(why(R"({"type": {"$ends_with": "x"}})") ==
        "type is \"order.paid\", which does not end with \"x\"");
  CHECK(why(R"({"type": {"$contains": "x"}})") ==
        "type is \"order.paid\", which does not contain \"x\"");
  CHECK(why(R"({"$or": [{"data.vip": true}, {"data.amount": 1}]})") ==
        "none of the alternatives holds (data.vip is false, not true; data.amount is 40, not 1)");
  CHECK(why(R"({"$not": {"data.vip": false}})") == "what stands in $not holds");
  json::object large = document();
  large["data"] = json::object{{"t", std::string(79, 'a') + "\u20ac\u20ac"}};
  const std::string cut = filter(R"({"data.t": 1})").why_not(large);
  CHECK(cut == "data.t is \"" + std::string(79, 'a') + "…, not 1");
}

TEST_CASE("filter: a fault names its place and what is allowed") {
  CHECK(fault("[]") == "a filter is an object of paths and operators, not []");
  CHECK(fault("5") == "a filter is an object of paths and operators, not 5");
  CHECK(fault(R"({"data.amount": {"$gt": true}})") ==
        "/data.amount/$gt: takes a number or text, not true");
  CHECK(fault(R"({"data.a/b": {"$in": []}})") ==
        "/data.a~1b/$in: takes a list of at least one value, not []");
  CHECK(fault(R"({"data.a": {"$exists": 1}})") == "/data.a/$exists: takes true or false, not 1");
  CHECK(fault(R"({"data.a": {"$starts_with": 1}})") == "/data.a/$starts_with: takes text, not 1");
  CHECK(fault(R"({"data.a": {"$ends_with": null}})") == "/data.a/$ends_with: takes text, not null");
  CHECK(fault(R"({"data.a": {"$contains": {}}})") ==
        "/data.a/$contains: takes text, a number, true, false or null, not {}");
  CHECK(fault(R"({"data.a": {"$gte": 1, "$lst": 2}})") ==
        "/data.a/$lst: the operators are $eq $ne $gt $gte $lt $lte $in $nin $exists $starts_with "
        "$ends_with $contains; got \"$lst\", did you mean \"$lt\"?");
  CHECK(fault(R"({"data": {"a": 1}})") ==
        "/data: an object here holds operators; to look inside write \"data.name\", to compare it "
        "whole {\"$eq\": {...}}");
  CHECK(fault(R"({"data.a": {}})").starts_with("/data.a: an object here holds operators"));
  CHECK(fault(R"({"data.a": [1]})") ==
        "/data.a: a list needs an operator: {\"$in\": [...]} or {\"$eq\": [...]}");
  CHECK(fault(R"({"$orr": []})") ==
        "/$orr: here a path or $and, $or, $not is expected, did you mean \"$or\"?");
  CHECK(fault(R"({"$or": []})") == "/$or: takes a list of at least one filter, not []");
  CHECK(fault(R"({"$or": {}})") == "/$or: takes a list of at least one filter, not {}");
  CHECK(fault(R"({"$and": [{}, 1]})") ==
        "/$and/1: a filter is an object of paths and operators, not 1");
  CHECK(fault(R"({"dta.x": 1})") ==
        "/dta.x: a path begins with id, type, key, application, channels or data; got \"dta\", did "
        "you mean \"data\"?");
  CHECK(fault(R"({"type.x": 1})") ==
        "/type.x: nothing is inside type: only data and channels have parts");
  const std::string dots = ": a path has a name before and behind each dot";
  CHECK(fault(R"({"": 1})") == "/" + dots);
  CHECK(fault(R"({"data.": 1})") == "/data." + dots);
  CHECK(fault(R"({"data..a": 1})") == "/data..a" + dots);
  CHECK(fault(R"({"data[x]": 1})") ==
        "/data[x]: [ in a path is followed by a number and ] (or written \\[ in a name)");
  CHECK(fault(R"({"data[01]": 1})").starts_with("/data[01]: [ in a path"));
  CHECK(fault(R"({"data[1": 1})").starts_with("/data[1: [ in a path"));
  CHECK(fault(R"({"data[1]x": 1})") == "/data[1]x: only a dot or [ may follow ] in a path");
  CHECK(fault(R"({"data.a\\": 1})") == "/data.a\\: \\ in a path stands only before a dot, [ or \\");
}

TEST_CASE("filter: all faults are told at once, in their order") {
  std::vector<FilterFault> faults;
  const auto source = parse_json(
      R"({"x": 1, "data.a": {"$foo": 1}, "$or": [{"y": 2}, {"data.b": {"$in": 5, "$gt": 1.5}}]})");
  CHECK_FALSE(Filter::parse(*source, faults).has_value());
  std::vector<std::string> pointers;
  for (const auto& one : faults) pointers.push_back(one.pointer);
  CHECK(pointers ==
        std::vector<std::string>{"/x", "/data.a/$foo", "/$or/0/y", "/$or/1/data.b/$in"});
  CHECK(faults.back().what == "takes a list of at least one value, not 5");
  CHECK(Filter::parse(*parse_json(R"({"data.b": {"$gt": 1.5}})"), faults).has_value());
  CHECK(faults.size() == 4);
}

TEST_CASE("filter: the limits hold at the limit and not one past it") {
  const auto nested = [](int depth) {
    std::string text = "{}";
    for (int i = 1; i < depth; ++i) text = "{\"$not\":" + text + "}";
    return text;
  };
  CHECK(fault(nested(filter_depth_max)) == "accepted");
  CHECK(fault(nested(filter_depth_max + 1)).ends_with(": filters nest at most 8 deep"));

  const auto list = [](int count) {
    std::string text = "{\"data.x\":{\"$in\":[0";
    for (int i = 1; i < count; ++i) text += "," + std::to_string(i);
    return text + "]}}";
  };
  const std::string too_many =
      "a filter holds at most 100 conditions (each value of a list counts), not 101";
  CHECK(fault(list(filter_conditions_max)) == "accepted");
  CHECK(fault(list(filter_conditions_max + 1)) == too_many);

  const auto joined = [](int count, const std::string& part) {
    std::string text = "{\"$and\":[" + part;
    for (int i = 1; i < count; ++i) text += "," + part;
    return text + "]}";
  };
  CHECK(fault(joined(filter_conditions_max, "{\"type\":1}")) == "accepted");
  CHECK(fault(joined(filter_conditions_max + 1, "{\"type\":1}")) == too_many);
  // Empty filters hold no condition, and are bounded all the same.
  CHECK(fault(joined(filter_conditions_max + 1, "{}")) == too_many);
}

}  // namespace
}  // namespace posthorn::text
