#pragma once
// What somebody typed into a form on a web page, whichever way the page sends it. Not for use
// outside providers/.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "mime/mail.h"
#include "providers/provider.h"

namespace posthorn::providers {

struct WebForm {
  std::vector<std::pair<std::string, std::string>> fields;  ///< In their order, UTF-8.
  std::vector<mime::Attachment> files;
  bool is_json = false;

  /// The first value that is not empty, of the first of the names that has one (case does not
  /// matter); empty when none has.
  [[nodiscard]] std::string first_of(std::initializer_list<std::string_view> names) const;
};

/// Reads urlencoded, multipart or JSON: an object of texts, numbers, booleans, nulls and lists of
/// those (a list gives its name several times). Errors: invalid, limit.
Result<WebForm> read_web_form(const Incoming& request);

/// The digest of what was typed: the same however its bytes were written.
std::string digest_of(const WebForm& form);

}  // namespace posthorn::providers
