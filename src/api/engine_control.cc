#include "api/engine_control.h"

namespace posthorn::api {

deliver::LaneView EngineControl::lane_view(EndpointId id) const { return engine_.lane_view(id); }

void EngineControl::endpoint_changed(EndpointId id) { engine_.endpoint_changed(id); }

task<env::Exchange> EngineControl::send_test(std::shared_ptr<const model::Endpoint> endpoint,
                                             std::shared_ptr<const model::Event> event) {
  return engine_.send_test(std::move(endpoint), std::move(event));
}

}  // namespace posthorn::api
