#pragma once
#include <atomic>

#include "api/ports.h"

namespace posthorn::api {

/// The delivery engine as the API uses it. Tests run on the engine's own io_context.
class EngineControl final : public DeliveryControl {
 public:
  EngineControl(deliver::Engine& engine, asio::io_context& engine_context)
      : engine_(engine), engine_context_(engine_context) {}

  [[nodiscard]] deliver::LaneView lane_view(EndpointId id) const override;
  void endpoint_changed(EndpointId id) override;
  task<env::Exchange> send_test(std::shared_ptr<const model::Endpoint> endpoint,
                                std::shared_ptr<const model::Event> event) override;
  [[nodiscard]] bool is_delivering() const override { return delivering_.load(); }

  /// Told by whoever starts, pauses and stops the engine. Any thread.
  void set_delivering(bool delivering) { delivering_.store(delivering); }

 private:
  deliver::Engine& engine_;
  asio::io_context& engine_context_;
  std::atomic<bool> delivering_{true};
};

}  // namespace posthorn::api
