#include "deliver/tree_format.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <vector>

#include "base/bytes.h"
#include "text/json.h"

namespace posthorn::deliver {

namespace {

namespace json = boost::json;

/// One callback a leaf or bracket, with whole strings: what the two writers below want.
template <class Writer>
class Walker {
 public:
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  using Code = boost::system::error_code;
  using Text = json::string_view;

  explicit Walker(Writer& writer) : writer_(writer) {}

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return writer_.open(false), true; }
  bool on_object_end(std::size_t, Code&) { return writer_.close(), true; }
  bool on_array_begin(Code&) { return writer_.open(true), true; }
  bool on_array_end(std::size_t, Code&) { return writer_.close(), true; }
  bool on_key_part(Text part, std::size_t, Code&) { return collect(part); }
  bool on_key(Text part, std::size_t, Code&) {
    collect(part);
    writer_.key(std::exchange(text_, {}));
    return true;
  }
  bool on_string_part(Text part, std::size_t, Code&) { return collect(part); }
  bool on_string(Text part, std::size_t, Code&) { return finish(part, "text"); }
  bool on_number_part(Text part, Code&) { return collect(part); }
  bool on_int64(std::int64_t, Text part, Code&) { return finish(part, "number"); }
  bool on_uint64(std::uint64_t, Text part, Code&) { return finish(part, "number"); }
  bool on_double(double, Text part, Code&) { return finish(part, "number"); }
  bool on_bool(bool value, Code&) { return finish(value ? "true" : "false", "boolean"); }
  bool on_null(Code&) { return finish({}, "null"); }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  bool collect(Text part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool finish(Text part, std::string_view kind) {
    collect(part);
    writer_.leaf(text_, kind);
    text_.clear();
    return true;
  }

  Writer& writer_;
  std::string text_;
};

template <class Writer>
bool walk(Writer& writer, std::string_view text) {
  json::parse_options options;
  options.max_depth = text::json_depth_max;
  json::basic_parser<Walker<Writer>> parser(options, writer);
  boost::system::error_code failed;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), failed);
  return !failed && read == text.size();
}

bool is_plain_xml_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || !letter(name.front())) return false;
  for (const char c : name)
    if (!letter(c) && !(c >= '0' && c <= '9') && c != '-' && c != '.') return false;
  return !equal_ignoring_case_ascii(name.substr(0, 3), "xml");
}

class XmlWriter {
 public:
  XmlWriter(std::string& out, std::string_view name) : out_(out), key_(name) {}

  void key(std::string name) { key_ = std::move(name); }
  void open(bool array) {
    const std::string name = begin_tag();
    out_ += array ? " type=\"array\">" : ">";
    open_.push_back({name, array});
  }
  void close() {
    end_tag(open_.back().name);
    open_.pop_back();
  }
  void leaf(std::string_view text, std::string_view kind) {
    const std::string name = begin_tag();
    if (kind != "text") fmt::format_to(std::back_inserter(out_), " type=\"{}\"", kind);
    if (kind == "null") {
      out_ += "/>";
      return;
    }
    out_ += '>';
    append_xml_escaped(out_, text);
    end_tag(name);
  }

 private:
  struct Open {
    std::string name;
    bool array;
  };

  std::string begin_tag() {
    out_ += '<';
    if (!open_.empty() && open_.back().array) {
      out_ += "item";
      return "item";
    }
    if (is_plain_xml_name(key_)) {
      out_ += key_;
      return key_;
    }
    out_ += "member name=\"";
    append_xml_escaped(out_, key_);
    out_ += '"';
    return "member";
  }
  void end_tag(std::string_view name) { out_.append("</").append(name).append(">"); }

  std::string& out_;
  std::string key_;
  std::vector<Open> open_;
};

class FormWriter {
 public:
  FormWriter(std::string& out, std::string_view name) : out_(out) {
    append_form_encoded(path_, name);
  }

  void key(std::string name) { key_ = std::move(name); }
  void open(bool array) { open_.push_back({enter(), array, 0, false}); }
  void close() {
    const Open closed = open_.back();
    // An empty object or array would vanish: it is a field without a value, like null.
    if (!closed.used) write({});
    path_.resize(closed.path_size);
    open_.pop_back();
  }
  void leaf(std::string_view text, std::string_view) {
    const std::size_t before = enter();
    write(text);
    path_.resize(before);
  }

 private:
  struct Open {
    std::size_t path_size;  ///< Of the path outside.
    bool array;
    std::size_t next;
    bool used;
  };

  /// Extends the path by where the next value stands; the path's size before.
  std::size_t enter() {
    const std::size_t before = path_.size();
    if (open_.empty()) return before;
    auto& parent = open_.back();
    parent.used = true;
    path_ += "%5B";
    if (parent.array) {
      path_ += fmt::format_int(parent.next++).str();
    } else {
      append_form_encoded(path_, key_);
    }
    path_ += "%5D";
    return before;
  }
  void write(std::string_view value) {
    if (!out_.empty()) out_ += '&';
    out_.append(path_).append("=");
    append_form_encoded(out_, value);
  }

  std::string& out_;
  std::string path_;
  std::string key_;
  std::vector<Open> open_;
};

/// Bytes of the UTF-8 character at the front when XML 1.0 cannot hold it, else 0: controls,
/// U+FFFE and U+FFFF.
std::size_t forbidden_in_xml(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x20 && first != '\t' && first != '\n' && first != '\r') return 1;
  if (text.starts_with("\xEF\xBF\xBE") || text.starts_with("\xEF\xBF\xBF")) return 3;
  return 0;
}

}  // namespace

void append_xml_escaped(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (const std::size_t skipped = forbidden_in_xml(text.substr(i))) {
      out += "\xEF\xBF\xBD";
      i += skipped;
      continue;
    }
    switch (const char c = text[i++]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\t':
        out += "&#9;";
        break;
      case '\n':
        out += "&#10;";
        break;
      case '\r':
        out += "&#13;";
        break;
      default:
        out += c;
    }
  }
}

void append_form_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '*' || c == '-' || c == '.' || c == '_';
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
}

void append_xml(std::string& out, std::string_view name, std::string_view json) {
  const std::size_t before = out.size();
  XmlWriter writer(out, name);
  if (walk(writer, json)) return;
  out.resize(before);
  XmlWriter as_text(out, name);
  as_text.leaf(json, "unparsed");
}

void append_form(std::string& out, std::string_view name, std::string_view json) {
  const std::size_t before = out.size();
  FormWriter writer(out, name);
  if (walk(writer, json)) return;
  out.resize(before);
  FormWriter as_text(out, name);
  as_text.leaf(json, "unparsed");
}

}  // namespace posthorn::deliver
