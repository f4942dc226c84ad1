#include "app/outgoing_mail.h"

#include "text/json.h"

namespace posthorn::app {

Result<env::Mail> read_outgoing_mail(std::string_view document) {
  PH_TRY(const auto parsed, text::parse_json(document));
  const auto* object = parsed.if_object();
  env::Mail mail;
  const auto take = [object](std::string_view name, std::string& into) {
    const auto* value = object == nullptr ? nullptr : object->if_contains(name);
    if (value == nullptr || !value->is_string()) return false;
    into = value->get_string();
    return true;
  };
  const auto* to = object == nullptr ? nullptr : object->if_contains("to");
  if (!take("subject", mail.subject) || !take("text", mail.text) ||
      !take("message_id", mail.message_id) || to == nullptr || !to->is_array())
    return fail(Errc::corrupt, "a stored mail lacks to, subject, text or message_id");
  for (const auto& address : to->get_array()) {
    if (!address.is_string())
      return fail(Errc::corrupt, "a stored mail has an address that is no text");
    mail.to.emplace_back(address.get_string());
  }
  return mail;
}

}  // namespace posthorn::app
