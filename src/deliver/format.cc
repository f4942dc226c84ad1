// format_body of message.h: the body in the endpoint's format.

#include <fmt/format.h>

#include "deliver/message.h"
#include "deliver/tree_format.h"
#include "text/json.h"

namespace posthorn::deliver {

namespace {

using text::append_json_string;

/// What the event says about itself, each as JSON text. The order is that of the envelope.
struct Envelope {
  std::string id, type, version, timestamp, workspace_id, actor, sequence;
};

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

/// "key:key_…" is {"type":"key","id":"key_…"}; "system" has no id.
std::string actor_json(std::string_view actor) {
  const auto colon = actor.find(':');
  std::string out = R"({"type":)";
  append_json_string(out, actor.substr(0, colon));
  out += R"(,"id":)";
  if (colon == std::string_view::npos) {
    out += "null";
  } else {
    append_json_string(out, actor.substr(colon + 1));
  }
  return out += '}';
}

std::string sequence_json(const model::Event& event) {
  if (!event.sequence) return "null";
  std::string out = R"({"stream":)";
  append_json_string(out, event.key);
  return out += fmt::format(R"(,"n":{}}})", *event.sequence);
}

Envelope envelope_of(const model::Event& event) {
  return {quoted(event.id.text()),
          quoted(event.type),
          quoted(fmt::format_int(event.type_version).str()),
          quoted(to_rfc3339(event.created_at)),
          quoted(event.workspace.text()),
          actor_json(event.actor),
          sequence_json(event)};
}

std::string_view data_of(const model::Event& event) {
  return event.data ? std::string_view(*event.data) : std::string_view("null");
}

/// Written straight into one buffer: this is the default format, on the hot path.
std::string json_envelope(const model::Event& event) {
  const std::string_view data = data_of(event);
  std::string out;
  out.reserve(data.size() + event.type.size() + event.actor.size() + event.key.size() + 256);
  out.append(R"({"id":")").append(event.id.text()).append(R"(","type":)");
  append_json_string(out, event.type);
  out.append(R"(,"version":")").append(fmt::format_int(event.type_version).str());
  out.append(R"(","timestamp":")").append(to_rfc3339(event.created_at));
  out.append(R"(","workspace_id":")").append(event.workspace.text());
  out.append(R"(","actor":)").append(actor_json(event.actor));
  out.append(R"(,"sequence":)").append(sequence_json(event));
  return out.append(R"(,"data":)").append(data).append("}");
}

template <class Append>
void for_each_member(const model::Event& event, Append append) {
  const Envelope envelope = envelope_of(event);
  append("id", envelope.id);
  append("type", envelope.type);
  append("version", envelope.version);
  append("timestamp", envelope.timestamp);
  append("workspace_id", envelope.workspace_id);
  append("actor", envelope.actor);
  append("sequence", envelope.sequence);
  append("data", data_of(event));
}

std::string xml_envelope(const model::Event& event) {
  std::string out = R"(<?xml version="1.0" encoding="UTF-8"?>)"
                    "\n<event>";
  for_each_member(event, [&out](std::string_view name, std::string_view value) {
    append_xml(out, name, value);
  });
  return out += "</event>";
}

std::string form_envelope(const model::Event& event) {
  std::string out;
  for_each_member(event, [&out](std::string_view name, std::string_view value) {
    append_form(out, name, value);
  });
  return out;
}

/// The attributes of CloudEvents 1.0, required ones first. `sequence` is the extension of that
/// name: a text that sorts as the numbers do.
std::vector<std::pair<std::string, std::string>> cloudevents_attributes(const model::Event& event) {
  std::vector<std::pair<std::string, std::string>> attributes{
      {"specversion", "1.0"},
      {"id", event.id.text()},
      {"source", fmt::format("/workspaces/{}/applications/{}", event.workspace.text(),
                             event.application.text())},
      {"type", event.type},
      {"time", to_rfc3339(event.created_at)},
      {"typeversion", fmt::format_int(event.type_version).str()},
      {"actor", event.actor}};
  if (event.actor.empty()) attributes.pop_back();
  if (!event.key.empty()) attributes.emplace_back("subject", event.key);
  if (event.sequence) attributes.emplace_back("sequence", fmt::format("{:020}", *event.sequence));
  if (!event.traceparent.empty()) attributes.emplace_back("traceparent", event.traceparent);
  return attributes;
}

std::string cloudevents_structured(const model::Event& event) {
  std::string out = "{";
  for (const auto& [name, value] : cloudevents_attributes(event)) {
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
    out += ',';
  }
  out += R"("datacontenttype":"application/json","data":)";
  return out.append(data_of(event)).append("}");
}

/// A header value by the HTTP binding, 3.1.3.2: what is not printable ASCII, and space, quote and
/// percent, as the percent-encoded UTF-8.
std::string cloudevents_header_value(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c > 0x20 && c < 0x7f && c != '"' && c != '%') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

Body format_body(const model::Event& event, model::PayloadFormat format) {
  using model::PayloadFormat;
  const auto data_itself = [&event] { return event.data ? event.data : share("null"); };
  switch (format) {
    case PayloadFormat::json:
      return {share(json_envelope(event)), "application/json", {}};
    case PayloadFormat::bare:
      return {data_itself(), "application/json", {}};
    case PayloadFormat::xml:
      return {share(xml_envelope(event)), "application/xml", {}};
    case PayloadFormat::form:
      return {share(form_envelope(event)), "application/x-www-form-urlencoded", {}};
    case PayloadFormat::cloudevents:
      return {share(cloudevents_structured(event)), "application/cloudevents+json", {}};
    case PayloadFormat::cloudevents_binary: {
      Body body{data_itself(), "application/json", {}};
      for (const auto& [name, value] : cloudevents_attributes(event))
        body.headers.push_back({"ce-" + name, cloudevents_header_value(value)});
      return body;
    }
  }
  std::unreachable();
}

}  // namespace posthorn::deliver
