#pragma once
// What SES says inside an SNS message. Not for use outside providers/.

#include <string>
#include <string_view>

#include "providers/payload.h"
#include "providers/provider.h"

namespace posthorn::providers {

/// The events of a notification: one for each recipient that it names, "<MessageId>#<index>". A
/// message that is not SES's (`Message` may be any text) is one generic event.
void parse_ses_message(Parsed& parsed, const std::string& message_id, std::string_view message,
                       std::string_view timestamp, PayloadFaults& faults);

/// The text of `Message` for a sample.
std::string ses_sample(const SampleOrder& order);

}  // namespace posthorn::providers
