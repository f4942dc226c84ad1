#include "model/faults.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "base/bytes.h"
#include "text/json.h"

namespace posthorn::model {
namespace {

constexpr std::size_t shown_characters_max = 40;
constexpr std::size_t summary_faults_max = 5;

/// Cuts before a character's first byte, never inside one.
std::string shortened(std::string_view text) {
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    if (characters++ == shown_characters_max) return std::string(text.substr(0, at)) + "…";
  }
  return std::string(text);
}

}  // namespace

void Faults::add(std::string pointer, std::string_view code, std::string detail) {
  ++count_;
  if (faults_.size() < faults_max)
    faults_.push_back({std::move(pointer), std::string(code), std::move(detail)});
}

std::string Faults::summary() const {
  std::string out;
  for (std::size_t i = 0; i < std::min(faults_.size(), summary_faults_max); ++i) {
    if (i > 0) out += "; ";
    if (!faults_[i].pointer.empty()) out += faults_[i].pointer + ": ";
    out += faults_[i].detail;
  }
  if (count_ > summary_faults_max)
    out += "; and " + std::to_string(count_ - summary_faults_max) + " more";
  return out;
}

Result<> Faults::result() const {
  if (empty()) return {};
  return fail(Errc::invalid, summary());
}

std::string shown(std::string_view text) {
  return '"' + shortened(printable(shortened(text))) + '"';
}

std::string shown(const json::value& value) {
  switch (value.kind()) {
    case json::kind::object:
      return value.as_object().empty() ? "{}" : "an object";
    case json::kind::array:
      return value.as_array().empty() ? "[]" : "a list";
    case json::kind::string:
      return shown(std::string_view(value.as_string()));
    default:
      return text::json_text(value);
  }
}

}  // namespace posthorn::model
