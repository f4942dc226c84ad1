#pragma once
// What the one commit that disables a failing endpoint contains besides the attempt: the endpoint's
// document, its held interval, the event, the notification, the mail and the audit entry. One
// transaction, guarded by the document's version: exactly one notice, also across a crash.

#include <string>
#include <string_view>
#include <vector>

#include "deliver/notices.h"
#include "model/objects.h"

namespace posthorn::deliver {

struct Disabling {
  const model::Endpoint* endpoint = nullptr;
  const model::Object* object = nullptr;  ///< The endpoint's document as stored now.
  model::DisabledReason reason = model::DisabledReason::consecutive_failures;
  int failures = 0;
  const model::Attempt* last = nullptr;
  int hop = 0;  ///< Of the event that was being delivered.
  NoticeTime time;
  std::vector<std::string> mail_to;
};

/// Whether the stored document says that the endpoint is enabled; false for one that is unreadable.
bool is_enabled(std::string_view document);

/// The endpoint as it is after the commit, but for its version.
model::Endpoint disabled_copy(const Disabling& disabling);

void add_disabling(store::Batch& batch, const Disabling& disabling,
                   const publish::Publisher& publisher);

}  // namespace posthorn::deliver
