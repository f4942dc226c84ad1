#pragma once
#include <string_view>

#include "env/http_sender.h"

namespace posthorn::app {

/// `bin://` stays inside the process; everything else goes over the network.
class SenderByScheme final : public env::HttpSender {
 public:
  SenderByScheme(env::HttpSender& network, env::HttpSender& bins)
      : network_(network), bins_(bins) {}
  task<env::Exchange> send(env::OutgoingRequest request) override {
    return request.url.starts_with("bin://") ? bins_.send(std::move(request))
                                             : network_.send(std::move(request));
  }

 private:
  env::HttpSender& network_;
  env::HttpSender& bins_;
};

}  // namespace posthorn::app
