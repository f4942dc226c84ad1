#pragma once
// Which part of the program answers which address.

#include <memory>

#include "http/message.h"
#include "ingest/receiver.h"

namespace posthorn::app {

/// /in/… is received, everything else is the API's. Thread-safe when both are.
class FrontDoor final : public http::Service {
 public:
  FrontDoor(http::Service& api, ingest::Receiver& receiver) : api_(api), receiver_(receiver) {}

  std::variant<http::Admitted, http::Response> admit(const http::RequestHead& head,
                                                     std::string_view remote_address) override {
    return of(head).admit(head, remote_address);
  }
  task<http::Response> serve(const http::Request& request) override {
    return of(request.head).serve(request);
  }
  http::Response refuse(int status, std::string_view detail, std::string_view request_id) override {
    return api_.refuse(status, detail, request_id);
  }

 private:
  http::Service& of(const http::RequestHead& head) {
    return ingest::Receiver::owns(head.path) ? static_cast<http::Service&>(receiver_) : api_;
  }

  http::Service& api_;
  ingest::Receiver& receiver_;
};

}  // namespace posthorn::app
