#pragma once
// The two APIs of Vonage that call us: Messages (JSON, signed by a JWT) and the older SMS API
// (parameters, signed by `sig`). Not for use outside providers/.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "providers/provider.h"
#include "text/form.h"

namespace posthorn::providers::vonage_api {

/// The parameters of a call of the SMS API: query, form, or the members of a JSON object as text.
/// Error: invalid, when it is none of these, names one twice, or has values inside values.
Result<text::Form> sms_parameters(const Incoming& request);

/// The signature of the parameters (but `sig`) under one algorithm of the `algorithm` setting.
std::string sms_signature(std::string_view algorithm, std::string_view secret,
                          const text::Form& parameters);

/// Events of the two APIs.
Parsed parse_sms(const Incoming& request);
Parsed parse_message(const Incoming& request);

}  // namespace posthorn::providers::vonage_api
