#include "mime/header.h"

#include <gmime/gmime.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "mime/charset.h"

namespace posthorn::mime {
namespace {

/// GMime's parsers of parameters and addresses may take more than linear time.
constexpr std::size_t value_bytes_max = 64 * 1024;
constexpr std::size_t parameters_bytes_max = 8 * 1024;

struct Free {
  void operator()(char* text) const { g_free(text); }
  void operator()(GDateTime* time) const { g_date_time_unref(time); }
  template <class T>
  void operator()(T* object) const {
    g_object_unref(object);
  }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

void initialise() {
  static const bool done = (g_mime_init(), true);
  static_cast<void>(done);
}

/// Unfolded and in UTF-8: what GMime is given, so that it never guesses by the process's locale.
std::string prepared(std::string_view raw, std::size_t bytes_max) {
  const std::string text = to_utf8(raw.substr(0, bytes_max), "");
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto rest = std::string_view(text).substr(i);
    if (rest.starts_with("\r\n ") || rest.starts_with("\r\n\t") || rest.starts_with("\n ") ||
        rest.starts_with("\n\t")) {
      i += rest.front() == '\r' ? 1 : 0;
      continue;
    }
    const bool is_control = (text[i] >= 0 && text[i] < 0x20) || text[i] == 0x7f;
    out += is_control ? ' ' : text[i];
  }
  return out;
}

/// What came out of GMime: encoded words may hold anything.
std::string cleaned(const char* text) {
  return text == nullptr ? std::string() : prepared(text, value_bytes_max);
}

void add_addresses(InternetAddressList* list, std::vector<Address>& found, int depth) {
  constexpr int depth_max = 3;
  for (int i = 0; list != nullptr && i < internet_address_list_length(list); ++i) {
    InternetAddress* one = internet_address_list_get_address(list, i);
    if (INTERNET_ADDRESS_IS_GROUP(one)) {
      if (depth < depth_max)
        add_addresses(internet_address_group_get_members(INTERNET_ADDRESS_GROUP(one)), found,
                      depth + 1);
    } else if (INTERNET_ADDRESS_IS_MAILBOX(one) && found.size() < addresses_max) {
      const std::string address =
          cleaned(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)));
      if (!address.empty())
        found.push_back({address, std::string(trim(cleaned(internet_address_get_name(one))))});
    }
  }
}

/// Where the first addresses may be cut off: behind a comma that parts two of them, past 2 KiB.
/// GMime takes quadratic time for addresses that are none, so it is given a few at a time.
std::size_t first_addresses(std::string_view text) {
  constexpr std::size_t few_bytes = 2 * 1024, few_bytes_max = 8 * 1024;
  bool quoted = false;
  int comments = 0;
  for (std::size_t i = 0; i < text.size() && i < few_bytes_max; ++i) {
    const char c = text[i];
    if (c == '\\')
      ++i;
    else if (c == '"' && comments == 0)
      quoted = !quoted;
    else if (!quoted && (c == '(' || c == ')'))
      comments = std::max(0, comments + (c == '(' ? 1 : -1));
    else if (c == ',' && !quoted && comments == 0 && i >= few_bytes)
      return i + 1;
  }
  return std::min(text.size(), few_bytes_max);
}

std::string without_space(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') out += c;
  return out;
}

}  // namespace

std::string read_text(std::string_view raw) {
  initialise();
  const std::string text = prepared(raw, value_bytes_max);
  const Owned<char> decoded(g_mime_utils_header_decode_text(nullptr, text.c_str()));
  return std::string(trim(cleaned(decoded.get())));
}

std::vector<Address> read_addresses(std::string_view raw) {
  initialise();
  std::vector<Address> found;
  const std::string text = prepared(raw, value_bytes_max);
  for (std::string_view rest = text; !rest.empty() && found.size() < addresses_max;) {
    const std::string few(rest.substr(0, first_addresses(rest)));
    rest.remove_prefix(few.size());
    const Owned<InternetAddressList> list(internet_address_list_parse(nullptr, few.c_str()));
    add_addresses(list.get(), found, 0);
  }
  return found;
}

std::vector<std::string> read_message_ids(std::string_view raw) {
  std::string text = prepared(raw, value_bytes_max);
  std::string_view rest = text;
  std::vector<std::string> found;
  while (!rest.empty()) {
    const auto open = rest.find('<');
    // Before a bracket, or without one: words that look like an id.
    for (auto words = rest.substr(0, open); !words.empty();) {
      const auto word = words.substr(0, words.find_first_of(" ,;"));
      words.remove_prefix(std::min(words.size(), word.size() + 1));
      if (word.find('@') != word.npos) found.emplace_back(word);
    }
    if (open == rest.npos) break;
    const auto close = rest.find('>', open);
    const auto id =
        without_space(rest.substr(open + 1, close == rest.npos ? close : close - open - 1));
    if (!id.empty()) found.push_back(id);
    rest.remove_prefix(close == rest.npos ? rest.size() : close + 1);
  }
  if (found.size() > message_ids_max)
    found.erase(found.begin() + 1, found.end() - static_cast<std::ptrdiff_t>(message_ids_max - 1));
  return found;
}

std::optional<Instant> read_date(std::string_view raw) {
  initialise();
  const std::string text = prepared(raw, 256);
  const Owned<GDateTime> time(g_mime_utils_header_decode_date(text.c_str()));
  if (time == nullptr) return std::nullopt;
  return Instant{g_date_time_to_unix(time.get()) * 1000};
}

Parameters Parameters::read(std::string_view raw) {
  initialise();
  Parameters read;
  const std::string text = prepared(raw, parameters_bytes_max);
  const auto end = text.find(';');
  read.value = to_lower_ascii(trim(std::string_view(text).substr(0, end)));
  if (end == text.npos) return read;
  const Owned<GMimeParamList> list(g_mime_param_list_parse(nullptr, text.c_str() + end + 1));
  for (int i = 0; list != nullptr && i < g_mime_param_list_length(list.get()); ++i) {
    GMimeParam* one = g_mime_param_list_get_parameter_at(list.get(), i);
    read.all_.emplace_back(to_lower_ascii(cleaned(g_mime_param_get_name(one))),
                           cleaned(g_mime_param_get_value(one)));
  }
  return read;
}

const std::string& Parameters::operator[](std::string_view name) const {
  static const std::string none;
  const auto found =
      std::ranges::find(all_, name, [](const auto& one) { return std::string_view(one.first); });
  return found == all_.end() ? none : found->second;
}

}  // namespace posthorn::mime
