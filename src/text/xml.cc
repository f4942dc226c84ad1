#include "text/xml.h"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>
#include <ranges>

#include "base/bytes.h"

namespace posthorn::text {
namespace {

constexpr std::size_t path_steps_max = 32;

std::string_view without_space(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto begin = text.find_first_not_of(space);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

/// False when a text is not UTF-8 or the depth is passed; `too_deep` says which.
bool convert(const pugi::xml_node& from, XmlElement& to, std::size_t depth, bool& too_deep) {
  if (depth > xml_depth_max) {
    too_deep = true;
    return false;
  }
  to.name = from.name();
  if (!is_utf8(to.name)) return false;
  for (const auto& attribute : from.attributes()) {
    to.attributes.emplace_back(attribute.name(), attribute.value());
    if (!is_utf8(to.attributes.back().first) || !is_utf8(to.attributes.back().second)) return false;
  }
  std::string text;
  for (const auto& child : from.children()) {
    if (child.type() == pugi::node_element) {
      if (!convert(child, to.children.emplace_back(), depth + 1, too_deep)) return false;
    } else if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      text += child.value();
    }
  }
  to.text = without_space(text);
  return is_utf8(to.text);
}

struct Step {
  std::string_view name;
  std::size_t index = 1;
  bool is_attribute = false;
};

/// nullopt when the path is malformed.
std::optional<std::vector<Step>> read_path(std::string_view path) {
  std::vector<Step> steps;
  while (!path.empty()) {
    if (path.front() != '/' || steps.size() == path_steps_max) return std::nullopt;
    if (!steps.empty() && steps.back().is_attribute) return std::nullopt;
    path.remove_prefix(1);
    auto part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    Step step;
    if (part.starts_with('@')) {
      step.is_attribute = true;
      part.remove_prefix(1);
      if (steps.empty()) return std::nullopt;
    } else if (part.ends_with(']')) {
      const auto bracket = part.find('[');
      if (bracket == part.npos) return std::nullopt;
      const auto digits = part.substr(bracket + 1, part.size() - bracket - 2);
      const auto end = digits.data() + digits.size();
      if (digits.empty() || std::from_chars(digits.data(), end, step.index).ptr != end ||
          step.index == 0)
        return std::nullopt;
      part = part.substr(0, bracket);
    }
    if (part.empty() || part.find_first_of("[]@ \t\r\n<>\"'=") != part.npos) return std::nullopt;
    step.name = part;
    steps.push_back(step);
  }
  if (steps.empty()) return std::nullopt;
  return steps;
}

bool fits(std::string_view name, std::string_view wanted) {
  if (name == wanted) return true;
  const auto colon = name.find(':');
  return wanted.find(':') == wanted.npos && colon != name.npos && name.substr(colon + 1) == wanted;
}

const XmlElement* child_of(const XmlElement& parent, const Step& step) {
  std::size_t seen = 0;
  for (const auto& child : parent.children)
    if (fits(child.name, step.name) && ++seen == step.index) return &child;
  return nullptr;
}

}  // namespace

Result<XmlElement> parse_xml(std::string_view text) {
  if (text.size() > xml_bytes_max)
    return fail(Errc::limit, "the document is longer than 8388608 bytes");
  if (static_cast<std::size_t>(std::ranges::count(text, '<')) > xml_tags_max)
    return fail(Errc::limit, "the document has more than 200000 tags");
  pugi::xml_document document;
  const auto read =
      document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_doctype);
  if (!read)
    return fail(Errc::invalid,
                "at byte " + std::to_string(read.offset) + ": " + std::string(read.description()));
  pugi::xml_node root;
  for (const auto& node : document.children()) {
    if (node.type() == pugi::node_doctype)
      return fail(Errc::invalid, "the document has a DTD (<!DOCTYPE>), which is never read");
    if (node.type() != pugi::node_element) continue;
    if (root) return fail(Errc::invalid, "the document has more than one root element");
    root = node;
  }
  XmlElement element;
  bool too_deep = false;
  if (!convert(root, element, 1, too_deep))
    return too_deep ? fail(Errc::limit, "elements are nested more than 64 deep")
                    : fail(Errc::invalid, "the document holds text that is not Unicode");
  return element;
}

bool is_xml_path(std::string_view path) { return read_path(path).has_value(); }

std::optional<std::string> at_xml_path(const XmlElement& root, std::string_view path) {
  const auto steps = read_path(path);
  if (!steps || steps->front().index != 1 || !fits(root.name, steps->front().name))
    return std::nullopt;
  const XmlElement* at = &root;
  for (const auto& step : *steps | std::views::drop(1)) {
    if (step.is_attribute) {
      for (const auto& [name, value] : at->attributes)
        if (fits(name, step.name)) return value;
      return std::nullopt;
    }
    at = child_of(*at, step);
    if (at == nullptr) return std::nullopt;
  }
  return at->text;
}

}  // namespace posthorn::text
