#include "providers/secret_variants.h"

#include <optional>
#include <vector>

#include "base/bytes.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view webhook_prefix = "whsec_";

std::string_view without_space(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto begin = text.find_first_not_of(space);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

bool is_quoted(std::string_view text) {
  return text.size() > 2 && text.front() == text.back() &&
         (text.front() == '"' || text.front() == '\'');
}

/// Behind the last '_' of what looks like a prefix: "whsec_", "lin_wh_"; the whole otherwise.
std::string_view without_prefix(std::string_view text) {
  const auto end = text.substr(0, 12).rfind('_');
  return end == text.npos ? text : text.substr(end + 1);
}

/// Either alphabet, padded or not.
std::optional<std::string> decoded_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string standard(text);
  for (char& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (standard.size() % 4 != 0) standard += '=';
  auto bytes = from_base64(standard);
  return bytes && !bytes->empty() ? bytes : std::nullopt;
}

class Variants {
 public:
  explicit Variants(std::string_view secret) : secret_(secret) {}

  void add(std::string_view code, std::string what, std::string_view secret) {
    if (!secret.empty() && secret != secret_)
      all_.push_back({code, std::move(what), std::string(secret)});
  }
  [[nodiscard]] const std::vector<SecretVariant>& all() const { return all_; }

 private:
  std::string_view secret_;
  std::vector<SecretVariant> all_;
};

void add_decoded(Variants& variants, std::string_view text, std::string_view where) {
  for (const auto& [name, bytes] :
       {std::pair{"base64", decoded_base64(text)}, {"hex", from_hex(text)}})
    if (bytes)
      variants.add(
          "secret_encoding",
          std::string(where) + "decoded from " + name + ": the sender uses its bytes, not its text",
          *bytes);
}

}  // namespace

void visit_secret_variants(std::string_view secret,
                           const std::function<bool(const SecretVariant&)>& visit) {
  Variants variants(secret);
  const std::string whole(secret);
  const auto bare = without_prefix(secret);
  variants.add("secret_space", "without the white space around it: set it again without",
               without_space(secret));
  if (is_quoted(secret))
    variants.add("secret_space", "without its quotes: set it again without",
                 secret.substr(1, secret.size() - 2));
  variants.add("secret_space",
               "with a line end behind it: the sender read it with one, from a file", whole + "\n");
  variants.add("secret_space",
               "with a space behind it: the sender has one that does not belong to it",
               whole + " ");
  variants.add("secret_prefix", "without its prefix: the sender dropped it", bare);
  for (const auto prefix :
       {webhook_prefix, std::string_view("shpss_"), std::string_view("lin_wh_")})
    if (bare == secret)
      variants.add("secret_prefix",
                   "with " + std::string(prefix) + " in front: that is part of the secret",
                   std::string(prefix) + whole);
  add_decoded(variants, secret, "");
  if (bare != secret) add_decoded(variants, bare, "without its prefix and ");
  // Where the provider decodes base64, this makes the text itself the key.
  for (const auto text : {secret, bare}) {
    const std::string what = text == secret ? "taken as text: the sender does not decode its base64"
                                            : "without its prefix taken as text: the sender does "
                                              "not decode its base64";
    variants.add("secret_encoding", what, to_base64(text));
    variants.add("secret_encoding", what, std::string(webhook_prefix) + to_base64(text));
    variants.add("secret_encoding", what, to_hex(text));
  }
  for (const auto& variant : variants.all())
    if (visit(variant)) return;
}

}  // namespace posthorn::providers
