#include "providers/status.h"

namespace posthorn::providers {
namespace {

/// 0 for what is no canonical status.
int rank_of(std::string_view status) {
  if (status == "queued") return 1;
  if (status == "sent") return 2;
  if (status == "failed" || status == "undelivered") return 3;
  if (status == "delivered") return 4;
  if (status == "read") return 5;
  return 0;
}

}  // namespace

bool is_message_status(std::string_view status) { return rank_of(status) > 0; }

bool status_rises(std::string_view from, std::string_view to) {
  return rank_of(to) > rank_of(from);
}

}  // namespace posthorn::providers
