// Messenger of Meta: what people write to a page, and receipts of what was sent to them.
// Several items in one POST, in any order.

#include <array>

#include "providers/common.h"
#include "providers/list.h"
#include "providers/meta.h"
#include "providers/meta_messaging.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view object_name = "page";

constexpr std::array<std::string_view, 7> sample_names{
    "message", "attachment", "echo", "postback", "reaction", "delivery", "read",
};

constexpr std::string_view set_up =
    R"(1. Open your app at **developers.facebook.com → Messenger → Messenger API settings**.
2. Under **Webhooks**, Callback URL: `{url}` · Verify token: `{verify_token}`. Verify and save.
   (Set a `verify_token` of your choice on this source first; Meta calls the URL at once to check it.)
3. Subscribe to `messages`, `messaging_postbacks`, `message_deliveries`, `message_reads`,
   `message_reactions` and `message_echoes`, and add the page's subscription.
4. Copy the **App secret** from **App settings → Basic** and set it here as `app_secret`.
)";

Parsed parse(const Settings&, const Incoming& request) {
  return parse_meta_messaging(request, object_name);
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  PH_TRY(const auto name, chosen_sample(sample_names, order));
  return sign_meta(settings, order, json_text(sample_meta_messaging(object_name, name, order)));
}

}  // namespace

const Provider meta_messenger{
    .name = "meta_messenger",
    .title = "Messenger (Meta)",
    .carries = "messages to a page, its own (echoes), receipts, button presses",
    .fields = meta_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify_meta,
    .challenge = challenge_meta,
    .parse = parse,
    .sample = sample,
    .body_bytes_max = meta_body_bytes_max,
};

}  // namespace posthorn::providers
