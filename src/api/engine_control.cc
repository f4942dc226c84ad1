#include "api/engine_control.h"

#include <boost/asio/co_spawn.hpp>

namespace posthorn::api {

deliver::LaneView EngineControl::lane_view(EndpointId id) const { return engine_.lane_view(id); }

void EngineControl::endpoint_changed(EndpointId id) { engine_.endpoint_changed(id); }

task<env::Exchange> EngineControl::send_test(std::shared_ptr<const model::Endpoint> endpoint,
                                             std::shared_ptr<const model::Event> event) {
  // The sender belongs to the engine's io_context; the caller's resumes with what came of it.
  co_return co_await asio::co_spawn(
      engine_context_, engine_.send_test(std::move(endpoint), std::move(event)), use_task);
}

}  // namespace posthorn::api
