#include "providers/body_variants.h"

#include <algorithm>
#include <array>
#include <vector>

#include "text/json.h"

namespace posthorn::providers {
namespace {

enum class Escapes : std::uint8_t { none, ascii, ascii_and_slash, html };

struct Style {
  std::string_view what;
  std::string_view indent;  ///< Of one level; empty: all on one line.
  std::string_view comma, colon;
};
constexpr std::array styles{
    Style{"without white space", "", ",", ":"},
    Style{"with a space behind commas and colons", "", ", ", ": "},
    Style{"indented by two spaces", "  ", ",", ": "},
    Style{"indented by four spaces", "    ", ",", ": "},
    Style{"indented by tabs", "\t", ",", ": "},
};

struct Encoding {
  std::string_view what;
  Escapes escapes;
};
constexpr std::array encodings{
    Encoding{"", Escapes::none},
    Encoding{", other letters than ASCII as \\u escapes", Escapes::ascii},
    Encoding{", other letters than ASCII as \\u escapes and slashes as \\/",
             Escapes::ascii_and_slash},
    Encoding{", <, > and & as \\u escapes", Escapes::html},
};

void append_unit(std::string& out, std::uint32_t unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 15];
}

/// The code point at `at` of well-formed UTF-8; `at` moves behind it.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  const int more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  std::uint32_t code = more == 0 ? lead : lead & (0x3fU >> more);
  for (int i = 0; i < more && at < text.size(); ++i)
    code = code << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fU);
  return code;
}

class Writer {
 public:
  Writer(const Style& style, Escapes escapes, bool sorted)
      : style_(style), escapes_(escapes), sorted_(sorted) {}

  /// `raw` is one checked JSON value as it was written.
  void write(std::string_view raw, std::size_t depth) {
    if (raw.starts_with('{')) {
      auto members = text::split_object(raw).value_or(std::vector<text::RawMember>{});
      if (sorted_) std::ranges::sort(members, {}, &text::RawMember::key);
      write_list('{', '}', members.size(), depth, [&](std::size_t i) {
        write_text(members[i].key);
        out_ += style_.colon;
        write(members[i].value, depth + 1);
      });
    } else if (raw.starts_with('[')) {
      const auto values = text::split_array(raw).value_or(std::vector<std::string_view>{});
      write_list('[', ']', values.size(), depth,
                 [&](std::size_t i) { write(values[i], depth + 1); });
    } else if (raw.starts_with('"')) {
      write_text(text::read_string(raw).value_or(""));
    } else {
      out_ += raw;
    }
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void write_list(char open, char close, std::size_t count, std::size_t depth,
                  const auto& write_one) {
    out_ += open;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out_ += style_.comma;
      begin_line(depth + 1);
      write_one(i);
    }
    if (count > 0) begin_line(depth);
    out_ += close;
  }

  void begin_line(std::size_t depth) {
    if (style_.indent.empty()) return;
    out_ += '\n';
    for (std::size_t i = 0; i < depth; ++i) out_ += style_.indent;
  }

  void write_text(std::string_view text) {
    if (escapes_ == Escapes::none) {
      text::append_json_string(out_, text);
      return;
    }
    std::string plain;
    text::append_json_string(plain, text);
    for (std::size_t at = 0; at < plain.size();) {
      const auto begin = at;
      const auto code = next_code_point(plain, at);
      const bool is_ascii = code < 0x80;
      if (escapes_ == Escapes::html ? code == '<' || code == '>' || code == '&' : !is_ascii) {
        if (code >= 0x10000) append_unit(out_, 0xd800 + ((code - 0x10000) >> 10));
        append_unit(out_, code >= 0x10000 ? 0xdc00 + ((code - 0x10000) & 0x3ff) : code);
      } else {
        if (code == '/' && escapes_ == Escapes::ascii_and_slash) out_ += '\\';
        out_ += plain.substr(begin, at - begin);
      }
    }
  }

  const Style& style_;
  Escapes escapes_;
  bool sorted_;
  std::string out_;
};

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (std::size_t at = 0;;) {
    const auto found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == text.npos) return out;
    out += to;
    at = found + from.size();
  }
}

std::string without_line_ends(std::string_view text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  return std::string(text.substr(0, end == text.npos ? 0 : end + 1));
}

bool visit_line_ends(std::string_view body, const std::function<bool(const BodyVariant&)>& visit) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  const std::string whole(body);
  const std::string unix_ends = replaced(body, "\r\n", "\n");
  const std::array<std::pair<std::string_view, std::string>, 8> variants{{
      {"with a line end (LF) behind it", whole + "\n"},
      {"with a line end (CR LF) behind it", whole + "\r\n"},
      {"without the white space at its end", without_line_ends(body)},
      {"with LF instead of CR LF", unix_ends},
      {"with CR LF instead of LF", replaced(unix_ends, "\n", "\r\n")},
      {"without its byte order mark", body.starts_with(mark) ? whole.substr(mark.size()) : whole},
      {"with spaces as %20 instead of '+'", replaced(body, "+", "%20")},
      {"with spaces as '+' instead of %20", replaced(body, "%20", "+")},
  }};
  for (const auto& [what, variant] : variants)
    if (variant != body && visit({"body_line_ends", std::string(what), variant})) return true;
  return false;
}

}  // namespace

void visit_body_variants(std::string_view body,
                         const std::function<bool(const BodyVariant&)>& visit) {
  if (visit_line_ends(body, visit)) return;
  const auto begin = body.find_first_not_of(" \t\r\n");
  if (begin == body.npos || (body[begin] != '{' && body[begin] != '[')) return;
  if (!text::check_json(body)) return;
  const auto raw = body.substr(begin);
  for (const bool sorted : {false, true})
    for (const auto& encoding : encodings)
      for (const auto& style : styles) {
        Writer writer(style, encoding.escapes, sorted);
        writer.write(raw, 0);
        BodyVariant variant{"body_reserialised", "as JSON " + std::string(style.what), {}};
        variant.what += std::string(encoding.what) + (sorted ? ", its keys sorted" : "");
        variant.body = writer.take();
        if (variant.body != body && visit(variant)) return;
        variant.body += '\n';
        variant.what += ", with a line end behind it";
        if (variant.body != body && visit(variant)) return;
      }
}

}  // namespace posthorn::providers
