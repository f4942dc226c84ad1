#include "providers/provider.h"

#include <algorithm>

#include "base/bytes.h"
#include "text/headers.h"

namespace posthorn::providers {

std::optional<std::string_view> Incoming::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (equal_ignoring_case_ascii(known, name)) return value;
  return std::nullopt;
}

int Incoming::header_count(std::string_view name) const {
  int count = 0;
  for (const auto& header : headers) count += equal_ignoring_case_ascii(header.first, name) ? 1 : 0;
  return count;
}

std::string_view Incoming::query() const {
  const auto mark = url.find('?');
  if (mark == std::string_view::npos) return {};
  return url.substr(mark + 1);
}

std::string Incoming::content_type() const {
  const auto value = header("Content-Type");
  if (!value) return {};
  const auto type = text::parse_media_type(*value);
  return type ? type->essence : std::string();
}

bool Steps::check(bool passed, std::string_view what, std::string_view detail) {
  steps_.push_back({std::string(what), passed, passed ? std::string() : std::string(detail)});
  return passed;
}

Verification Steps::refused() && {
  Verification verification;
  if (!steps_.empty()) {
    const Step& last = steps_.back();
    verification.reason = last.detail.empty() ? last.what : last.detail;
  }
  verification.steps = std::move(steps_);
  return verification;
}

Verification Steps::refused(Reply refusal) && {
  auto verification = std::move(*this).refused();
  verification.refusal = std::move(refusal);
  return verification;
}

Verification Steps::verified() && {
  Verification verification;
  verification.verified = true;
  verification.steps = std::move(steps_);
  return verification;
}

Settings read_settings(const Provider& provider, const json::object& config, model::Faults& faults,
                       std::string_view pointer, bool in_cases) {
  auto settings = Settings::read(provider.fields, config, faults, pointer, in_cases);
  if (provider.check == nullptr || !faults.empty()) return settings;
  std::vector<model::Fault> found;
  provider.check(settings, found);
  for (auto& fault : found)
    faults.add(std::string(pointer) + fault.pointer, fault.code, std::move(fault.detail));
  return settings;
}

Result<Sample> make_sample(const Provider& provider, const Settings& settings, SampleOrder order) {
  if (provider.sample == nullptr || provider.samples.empty())
    return fail(Errc::invalid, std::string(provider.name) + " has no sample requests");
  if (order.event.empty()) order.event = provider.samples.front();
  if (order.body.empty() &&
      std::ranges::find(provider.samples, order.event) == provider.samples.end()) {
    std::string known;
    for (const auto name : provider.samples) known.append(known.empty() ? "" : ", ").append(name);
    return fail(Errc::invalid, std::string(provider.name) + " has no sample of \"" +
                                   std::string(order.event) + "\"; it has " + known);
  }
  return provider.sample(settings, order);
}

std::string event_name(const Provider& provider, const NormalisedEvent& event) {
  std::string name(provider.name);
  name += '.';
  for (const char c : event.provider_event.empty() ? event.type : event.provider_event) {
    if (c >= 'A' && c <= 'Z')
      name += static_cast<char>(c - 'A' + 'a');
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.')
      name += c;
    else
      name += c == '/' ? '.' : '_';
  }
  constexpr std::size_t name_bytes_max = 128;
  if (name.size() > name_bytes_max) name.resize(name_bytes_max);
  return name;
}

}  // namespace posthorn::providers
