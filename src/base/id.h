#pragma once
// Strong 64-bit ids, shown as a prefix and 13 characters of Crockford base32 (`evt_000000000001c`).
// Case does not matter when read; O reads as 0, I and L as 1.

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn {

/// 13 lower-case characters of Crockford base32, most significant first.
std::string to_base32(std::uint64_t value);
/// Exactly 13 characters; nullopt for another length, character or an overflow.
std::optional<std::uint64_t> from_base32(std::string_view text);

/// One kind of object's id. Value 0 means "none". Unique over all nodes of an installation.
template <class Tag>
struct Id {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Id, Id) = default;
  [[nodiscard]] constexpr explicit operator bool() const { return value != 0; }
  [[nodiscard]] std::string text() const {
    return std::string(Tag::prefix) + "_" + to_base32(value);
  }
  /// Reads `<prefix>_<13 characters>`; nullopt for anything else.
  static std::optional<Id> parse(std::string_view text) {
    const std::string_view prefix = Tag::prefix;
    if (text.size() != prefix.size() + 14 || !text.starts_with(prefix) ||
        text[prefix.size()] != '_')
      return std::nullopt;
    const auto value = from_base32(text.substr(prefix.size() + 1));
    if (!value || *value == 0) return std::nullopt;
    return Id{*value};
  }
};

#define PH_ID(Name, text)                       \
  struct Name##Tag {                            \
    static constexpr const char* prefix = text; \
  };                                            \
  using Name = Id<Name##Tag>

PH_ID(WorkspaceId, "ws");
PH_ID(ApplicationId, "app");
PH_ID(EventTypeId, "ety");
PH_ID(EventId, "evt");
PH_ID(EndpointId, "ep");
PH_ID(DeliveryId, "dlv");
PH_ID(AttemptId, "att");
PH_ID(ApiKeyId, "key");
PH_ID(BinId, "bin");
PH_ID(CaptureId, "cap");
PH_ID(ReplayJobId, "rpl");
PH_ID(NotificationId, "ntf");
PH_ID(AuditId, "aud");
PH_ID(ObjectId, "obj");
PH_ID(SourceId, "src");
PH_ID(RequestId, "req");

#undef PH_ID

/// The UUID (version 8) sent as `X-Webhook-Delivery`: a bijection of the delivery's id, so either
/// form finds the delivery. The remaining bits are a checksum; a UUID that we did not make is
/// refused.
std::string to_uuid(DeliveryId id);
std::optional<DeliveryId> delivery_from_uuid(std::string_view uuid);

/// Reads `dlv_…` or the UUID form.
std::optional<DeliveryId> parse_delivery_id(std::string_view text);

}  // namespace posthorn

template <class Tag>
struct std::hash<posthorn::Id<Tag>> {
  std::size_t operator()(posthorn::Id<Tag> id) const noexcept {
    // Ids are counted up; the multiplication spreads them over the buckets.
    return static_cast<std::size_t>(id.value * 0x9E3779B97F4A7C15ULL);
  }
};
