#pragma once
// What Twilio's channels share: one signature, one form for each message and status, and Event
// Streams. Not for use outside providers/.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "providers/provider.h"
#include "text/form.h"

namespace posthorn::providers::twilio {

inline constexpr std::array fields{
    Field{.name = "auth_token",
          .plural = "auth_tokens",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The account's primary auth token, as the Twilio console shows it under Account "
                  "Info; a secondary token signs nothing until it is promoted."},
};

Verification verify(const Settings& settings, const Incoming& request, Instant now);
Parsed parse(const Settings& settings, const Incoming& request);
/// Empty TwiML for an inbound message, an empty 200 for the rest.
Reply reply(const Settings& settings, const Incoming& request);

/// A call as Twilio makes it: the form, or with `body` the given body (JSON when it begins with
/// '[' or '{'), signed.
Sample signed_call(const Settings& settings, const SampleOrder& order,
                   const std::vector<text::FormField>& form, std::string body);

/// The call of a sample: "message.inbound", "message.<status>", or an event of Event Streams.
/// `channel` goes before each number ("whatsapp:").
Sample sample(const Settings& settings, const SampleOrder& order, const std::string& channel);

/// Whether the address says that the body is signed by its hash (JSON), not by its fields.
bool is_signed_by_hash(const Incoming& request);

/// Every spelling of the address that Twilio may have signed: with and without port, as received,
/// normalised, and with its query written anew.
std::vector<std::string> signed_spellings(std::string_view url);

/// What the fields add to the signed text: names in order, each with its values, which are sorted
/// and each taken once.
std::string signed_fields(const text::Form& form);

}  // namespace posthorn::providers::twilio
