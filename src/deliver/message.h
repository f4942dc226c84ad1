#pragma once
// The bytes of a webhook: body in the endpoint's format, headers and signatures. Pure.

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/crypto.h"
#include "env/http_sender.h"
#include "model/endpoint.h"
#include "model/event.h"

namespace posthorn::deliver {

/// The signed and sent bytes with their Content-Type. For `bare` and `cloudevents_binary` the body
/// is the event's data itself (shared).
struct Body {
  SharedBytes bytes;
  std::string content_type;
  std::vector<env::Header> headers;  ///< ce-* of the binary CloudEvents format.
};
Body format_body(const model::Event& event, model::PayloadFormat format);

/// One `webhook-signature` / `X-Webhook-Signature` set over the body, by the rules of
/// docs/delivery.md "Signatures". `HmacCache` keeps keyed contexts per secret; one a thread.
class HmacCache {
 public:
  explicit HmacCache(std::size_t keys_max = 4096);
  ~HmacCache();
  std::string sign(std::string_view key, std::initializer_list<std::string_view> pieces);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The key of `webhook-signature`: base64-decoded after `whsec_`, else the text's bytes.
std::string standard_webhooks_key(std::string_view secret_text);

struct Signatures {
  std::string hex_current;   ///< "sha256=<hex>", X-Webhook-Signature; empty when unsigned.
  std::string hex_previous;  ///< X-Webhook-Signature-Previous; empty: none.
  std::string standard;      ///< "v1,… v1,… v1a,…", webhook-signature; empty when unsigned.
};
Signatures sign(const model::Endpoint& endpoint, std::string_view webhook_id, Instant wall_now,
                std::string_view body, HmacCache& cache);

/// Every header of an attempt, the endpoint's own last. `attempt` counts from 1.
std::vector<env::Header> message_headers(const model::Event& event, const model::Endpoint& endpoint,
                                         DeliveryId delivery, int attempt, Instant wall_now,
                                         const Body& body, HmacCache& cache);

}  // namespace posthorn::deliver
