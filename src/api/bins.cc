#include <fmt/format.h>

#include "api/documents.h"
#include "api/handlers.h"
#include "base/bytes.h"
#include "env/slug.h"
#include "inspect/bin_index.h"

namespace posthorn::api {

namespace {

constexpr std::size_t bins_max = 100;  ///< Of one workspace.

Result<json::object> bin_shape(const Context& context, const Call&, const model::Object& object) {
  PH_TRY(const auto bin, inspect::bin_from(object, context.ports.vault));
  return inspect::to_api(bin, context.config.public_url);
}

Result<json::object> capture_shape(const Context&, const Call&, const model::Object& object) {
  PH_TRY(const auto capture, inspect::capture_from(object));
  return inspect::to_api(capture);
}

task<std::expected<model::Object, Problem>> stored_bin(Context& context, const Call& call) {
  const auto id = call.id<BinId>();
  if (!id) co_return std::unexpected(not_found("bin"));
  co_return co_await context.own_object(call, model::ObjectKind::bin, id->value, "bin");
}

/// Takes away up to 500 captures of the bin.
task<Result<bool>> remove_some(Context& context, Call& call, model::Object bin, bool audited) {
  store::ObjectFilter filter;
  filter.workspace = call.workspace();
  filter.parent = bin.id;
  const store::Page page{.after = 0, .limit = 500, .oldest_first = true};
  PH_CO_TRY(auto found, co_await context.ports.store.list_objects(model::ObjectKind::bin_capture,
                                                                  filter, page));
  store::Batch batch;
  for (auto& object : found.rows)
    batch.objects.push_back(
        {store::ObjectWrite::Action::remove, std::move(object), 0, /*keep_existing=*/false});
  if (audited) batch.audit.push_back(context.audit(call, BinId{bin.id}.text(), {}, {}));
  if (batch.objects.empty() && batch.audit.empty()) co_return false;
  PH_CO_TRY(const auto applied, co_await context.ports.store.apply(std::move(batch)));
  static_cast<void>(applied);
  co_return found.next.has_value();
}

}  // namespace

task<Answer> list_bins(Context& context, Call& call) {
  return list_documents(context, call, model::ObjectKind::bin, {}, &bin_shape);
}

task<Answer> create_bin(Context& context, Call& call) {
  model::Faults faults;
  inspect::Bin base;
  base.workspace = call.workspace();
  base.slug = env::make_slug(context.ports.random);
  auto bin = inspect::read_bin(call.body, faults, std::move(base));
  if (!faults.empty()) co_return Answer(faults);
  if (context.ports.bins.count(call.workspace()) >= bins_max)
    co_return conflict("too_many_bins",
                       fmt::format("a workspace may have {} bins; delete one", bins_max));
  PH_CO_TRY(const auto id, co_await context.object_ids.next());
  bin.id = BinId{id};
  bin.created_at = bin.updated_at = call.now;
  bin.version = 1;
  auto object = inspect::to_object(bin, context.ports.vault);
  co_return co_await save(context, call, std::move(object), std::nullopt, bin.id.text(),
                          inspect::to_api(bin, context.config.public_url));
}

task<Answer> get_bin(Context& context, Call& call) {
  const auto stored = co_await stored_bin(context, call);
  if (!stored) co_return stored.error();
  PH_CO_TRY(const auto bin, inspect::bin_from(*stored, context.ports.vault));
  co_return json_response(200, inspect::to_api(bin, context.config.public_url), stored->version);
}

task<Answer> update_bin(Context& context, Call& call) {
  const auto stored = co_await stored_bin(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->version)) co_return *std::move(mismatch);
  PH_CO_TRY(const auto before, inspect::bin_from(*stored, context.ports.vault));
  model::Faults faults;
  auto bin = inspect::read_bin(call.body, faults, before);
  if (!faults.empty()) co_return Answer(faults);
  bin.updated_at = call.now;
  bin.version = stored->version + 1;
  auto object = inspect::to_object(bin, context.ports.vault);
  co_return co_await save(context, call, std::move(object), *stored, bin.id.text(),
                          inspect::to_api(bin, context.config.public_url));
}

task<Answer> delete_bin(Context& context, Call& call) {
  const auto stored = co_await stored_bin(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->version)) co_return *std::move(mismatch);
  for (bool more = true; more;) {
    PH_CO_TRY(more, co_await remove_some(context, call, *stored, /*audited=*/false));
  }
  co_return co_await take_away(context, call, *stored, BinId{stored->id}.text());
}

task<Answer> list_captures(Context& context, Call& call) {
  const auto stored = co_await stored_bin(context, call);
  if (!stored) co_return stored.error();
  store::ObjectFilter filter;
  filter.parent = stored->id;
  co_return co_await list_documents(context, call, model::ObjectKind::bin_capture,
                                    std::move(filter), &capture_shape);
}

task<Answer> get_capture(Context& context, Call& call) {
  const auto stored = co_await stored_bin(context, call);
  if (!stored) co_return stored.error();
  const auto id = call.id<CaptureId>(1);
  if (!id) co_return not_found("capture");
  const auto object =
      co_await context.own_object(call, model::ObjectKind::bin_capture, id->value, "capture");
  if (!object) co_return object.error();
  if (object->parent != stored->id) co_return not_found("capture");
  PH_CO_TRY(const auto capture, inspect::capture_from(*object));
  co_return json_response(200, inspect::to_api(capture));
}

task<Answer> clear_captures(Context& context, Call& call) {
  const auto stored = co_await stored_bin(context, call);
  if (!stored) co_return stored.error();
  bool audited = true;
  for (bool more = true; more; audited = false) {
    PH_CO_TRY(more, co_await remove_some(context, call, *stored, audited));
  }
  co_return empty_response();
}

task<Answer> capture_in_bin(Context& context, Call& call) {
  const auto bin = context.ports.bins.by_slug(call.path.front());
  if (!bin) co_return Problem{404, "not_found", "there is no such bin", {}, {}};
  const auto& head = call.request.head;
  inspect::Received received;
  received.method = head.method;
  if (call.path.size() > 1) received.path = call.path[1];
  received.query = head.query;
  for (const auto& header : head.headers)
    received.headers.push_back({std::string(header.name), std::string(header.value)});
  received.body = call.request.body;
  received.remote_address = call.request.remote_address;
  PH_CO_TRY(auto reply, co_await context.ports.bins.capture(bin, std::move(received)));
  if (reply.delay > Millis{0})
    co_await context.ports.clock.sleep_until(context.ports.clock.steady() + reply.delay);
  http::Response response;
  response.status = reply.status;
  response.content_type = "text/plain; charset=utf-8";
  for (auto& header : reply.headers) {
    if (equal_ignoring_case_ascii(header.name, "content-type"))
      response.content_type = std::move(header.value);
    else
      response.headers.emplace_back(std::move(header.name), std::move(header.value));
  }
  // What a stranger scripted must not run as a page of this server.
  response.headers.emplace_back("Content-Security-Policy", "sandbox");
  response.body = std::move(reply.body);
  co_return response;
}

}  // namespace posthorn::api
