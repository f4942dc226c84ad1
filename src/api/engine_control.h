#pragma once
#include <atomic>

#include "api/ports.h"

namespace posthorn::api {

/// The delivery engine as the API uses it; what it needs of the engine may be called from any
/// io_context.
class EngineControl final : public DeliveryControl {
 public:
  explicit EngineControl(deliver::Engine& engine) : engine_(engine) {}

  [[nodiscard]] deliver::LaneView lane_view(EndpointId id) const override;
  void endpoint_changed(EndpointId id) override;
  task<env::Exchange> send_test(std::shared_ptr<const model::Endpoint> endpoint,
                                std::shared_ptr<const model::Event> event) override;
  [[nodiscard]] bool is_delivering() const override { return delivering_.load(); }

  /// Told by whoever starts, pauses and stops the engine. Any thread.
  void set_delivering(bool delivering) { delivering_.store(delivering); }

 private:
  deliver::Engine& engine_;
  std::atomic<bool> delivering_{true};
};

}  // namespace posthorn::api
