#pragma once
// The whole suite: what store.h promises, checked on any store.

#include "store/contract/harness.h"

namespace posthorn::store::contract {

/// To be called from a TEST_CASE; `make` is called anew for each case.
void run_store_contract(const MakeHarness& make);

// Its parts, each in the source that is named after its subject.
void event_cases(const MakeHarness& make);
void client_id_cases(const MakeHarness& make);
void fan_out_cases(const MakeHarness& make);
void attempt_cases(const MakeHarness& make);
void change_cases(const MakeHarness& make);
void due_cases(const MakeHarness& make);
void lane_cases(const MakeHarness& make);
void key_cases(const MakeHarness& make);
void held_cases(const MakeHarness& make);
void object_cases(const MakeHarness& make);
void audit_cases(const MakeHarness& make);
void list_event_cases(const MakeHarness& make);
void list_delivery_cases(const MakeHarness& make);
void list_object_cases(const MakeHarness& make);
void retention_cases(const MakeHarness& make);
void keeping_cases(const MakeHarness& make);
void epoch_cases(const MakeHarness& make);
void listener_cases(const MakeHarness& make);
void race_cases(const MakeHarness& make);
void request_cases(const MakeHarness& make);
void dedupe_cases(const MakeHarness& make);
void request_change_cases(const MakeHarness& make);
void request_queue_cases(const MakeHarness& make);
void list_request_cases(const MakeHarness& make);
void request_keeping_cases(const MakeHarness& make);
void request_notice_cases(const MakeHarness& make);
void request_race_cases(const MakeHarness& make);
void conflict_race_cases(const MakeHarness& make);

}  // namespace posthorn::store::contract
