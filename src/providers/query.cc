#include "providers/query.h"

#include "text/form.h"

namespace posthorn::providers {

std::optional<std::string> only_parameter(std::string_view query, std::string_view name) {
  const auto form = text::parse_form(query);
  if (!form || form->count(name) != 1) return std::nullopt;
  return std::string(form->value(name));
}

}  // namespace posthorn::providers
