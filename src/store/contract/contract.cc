#include "store/contract/contract.h"

namespace posthorn::store::contract {

void run_store_contract(const MakeHarness& make) {
  SUBCASE("events") { event_cases(make); }
  SUBCASE("client ids") { client_id_cases(make); }
  SUBCASE("fan-out") { fan_out_cases(make); }
  SUBCASE("attempts") { attempt_cases(make); }
  SUBCASE("changes") { change_cases(make); }
  SUBCASE("due") { due_cases(make); }
  SUBCASE("lanes") { lane_cases(make); }
  SUBCASE("keys") { key_cases(make); }
  SUBCASE("held") { held_cases(make); }
  SUBCASE("objects") { object_cases(make); }
  SUBCASE("audit") { audit_cases(make); }
  SUBCASE("list events") { list_event_cases(make); }
  SUBCASE("list deliveries") { list_delivery_cases(make); }
  SUBCASE("list objects") { list_object_cases(make); }
  SUBCASE("retention") { retention_cases(make); }
  SUBCASE("keeping") { keeping_cases(make); }
  SUBCASE("epochs") { epoch_cases(make); }
  SUBCASE("listeners") { listener_cases(make); }
  SUBCASE("races: publishing and reading") { race_cases(make); }
  SUBCASE("requests") { request_cases(make); }
  SUBCASE("requests: dedupe") { dedupe_cases(make); }
  SUBCASE("requests: changes") { request_change_cases(make); }
  SUBCASE("requests: queue") { request_queue_cases(make); }
  SUBCASE("requests: lists") { list_request_cases(make); }
  SUBCASE("requests: keeping") { request_keeping_cases(make); }
  SUBCASE("requests: notices") { request_notice_cases(make); }
  SUBCASE("races: one key, many requests") { request_race_cases(make); }
  SUBCASE("races: one attempt, many owners") { conflict_race_cases(make); }
}

}  // namespace posthorn::store::contract
