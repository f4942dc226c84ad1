#pragma once
// All stored and API forms at once. For each kind of thing there is
//
//   Object to_object(const X&)            the stored object; Endpoint's takes the Vault
//   Result<X> x_from(const Object&)       back; error corrupt, with the field
//   json::object to_api(const X&)         the answer; never a secret
//   X read_x(input, faults, base, …)      a POST or PATCH body applied to base
//
// In answers times are RFC 3339, ids their text, absent values null, spans in the unit of the name.

#include "model/api_key.h"
#include "model/application.h"
#include "model/endpoint_json.h"
#include "model/event_json.h"
#include "model/event_type.h"
#include "model/notification.h"
#include "model/replay_job.h"
#include "model/schema.h"
#include "model/workspace.h"
