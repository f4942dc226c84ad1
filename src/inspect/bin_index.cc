#include "inspect/bin_index.h"

#include <algorithm>

namespace posthorn::inspect {

task<Result<>> BinIndex::load() {
  store::Page page{.after = 0, .limit = 500, .oldest_first = true};
  for (;;) {
    store::ObjectFilter all;
    PH_CO_TRY(const auto found, co_await store_.list_objects(model::ObjectKind::bin, all, page));
    for (const auto& object : found.rows) {
      PH_CO_TRY(auto bin, bin_from(object, vault_));
      upsert(std::move(bin));
    }
    if (!found.next) co_return Result<>{};
    page.after = *found.next;
  }
}

std::shared_ptr<const Bin> BinIndex::by_id(BinId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = bins_.find(id);
  return found == bins_.end() ? nullptr : found->second.bin;
}

std::shared_ptr<const Bin> BinIndex::by_slug(std::string_view slug) const {
  const std::lock_guard lock(mutex_);
  const auto found = slugs_.find(std::string(slug));
  return found == slugs_.end() ? nullptr : bins_.at(found->second).bin;
}

std::shared_ptr<const Bin> BinIndex::by_url(std::string_view url) const {
  constexpr std::string_view scheme = "bin://";
  if (!url.starts_with(scheme)) return nullptr;
  const auto id = BinId::parse(url.substr(scheme.size()));
  return id ? by_id(*id) : nullptr;
}

std::size_t BinIndex::count(WorkspaceId workspace) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(
      bins_, [workspace](const auto& entry) { return entry.second.bin->workspace == workspace; }));
}

void BinIndex::upsert(Bin bin) {
  const std::lock_guard lock(mutex_);
  slugs_[bin.slug] = bin.id;
  Entry& entry = bins_[bin.id];
  if (entry.bin && entry.bin->version > bin.version) return;
  // A new script begins with its first answer.
  if (entry.bin && entry.bin->version < bin.version) entry.answers = 0;
  entry.bin = std::make_shared<const Bin>(std::move(bin));
}

void BinIndex::remove(BinId id) {
  const std::lock_guard lock(mutex_);
  const auto found = bins_.find(id);
  if (found == bins_.end()) return;
  slugs_.erase(found->second.bin->slug);
  bins_.erase(found);
}

task<Result<>> BinIndex::refresh(BinId id) {
  PH_CO_TRY(const auto object, co_await store_.object(model::ObjectKind::bin, id.value));
  if (!object) {
    remove(id);
    co_return Result<>{};
  }
  PH_CO_TRY(auto bin, bin_from(*object, vault_));
  upsert(std::move(bin));
  co_return Result<>{};
}

Trust BinIndex::trust_of(const Bin& bin) const {
  Trust trust;
  if (!bin.verify_secret.empty()) {
    trust.secrets.push_back(bin.verify_secret);
    return trust;
  }
  const auto url = "bin://" + bin.id.text();
  const auto now = clock_.now();
  const auto routing = routing_.current();
  for (const auto& endpoint : routing->endpoints()) {
    if (endpoint->url != url) continue;
    const auto live = model::live_secrets(*endpoint, now);
    if (live.current != nullptr) trust.secrets.push_back(live.current->text);
    for (const auto* secret : live.others) trust.secrets.push_back(secret->text);
    if (endpoint->key_pair) trust.public_keys.push_back(endpoint->key_pair->public_key);
  }
  return trust;
}

Reply BinIndex::next_reply(const Bin& bin) {
  const std::lock_guard lock(mutex_);
  const auto found = bins_.find(bin.id);
  if (found == bins_.end()) return bin.replies.back();
  const auto place = std::min(found->second.answers++, bin.replies.size() - 1);
  return bin.replies[place];
}

task<Result<Reply>> BinIndex::capture(std::shared_ptr<const Bin> bin, Received received) {
  auto reply = next_reply(*bin);
  Capture capture;
  capture.bin = bin->id;
  capture.workspace = bin->workspace;
  capture.at = clock_.now();
  capture.verdict = check_signatures(received.headers, received.body, trust_of(*bin), capture.at);
  capture.method = std::move(received.method);
  capture.path = std::move(received.path);
  capture.query = std::move(received.query);
  capture.headers = std::move(received.headers);
  capture.body_bytes = received.body.size();
  capture.body = std::move(received.body);
  if (capture.body.size() > capture_body_bytes_max) capture.body.resize(capture_body_bytes_max);
  capture.remote_address = std::move(received.remote_address);
  capture.answered = reply.status;

  store::Batch batch;
  batch.objects.push_back({store::ObjectWrite::Action::create, to_object(capture), 0, false});
  PH_CO_TRY(const auto applied, co_await store_.apply(std::move(batch)));
  std::uint64_t oldest = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = bins_.find(bin->id);
    if (found != bins_.end()) {
      auto& captures = found->second.captures;
      captures.push_back(applied.objects.front().id);
      if (captures.size() > captures_max) {
        oldest = captures.front();
        captures.pop_front();
      }
    }
  }
  if (oldest != 0) {
    model::Object gone;
    gone.kind = model::ObjectKind::bin_capture;
    gone.id = oldest;
    gone.workspace = bin->workspace;
    store::Batch removal;
    removal.objects.push_back({store::ObjectWrite::Action::remove, std::move(gone), 0, false});
    // It may be gone already, by hand or by retention: the request itself is kept either way.
    const auto removed = co_await store_.apply(std::move(removal));
    if (!removed && removed.error().code != Errc::not_found) co_return fail(removed.error());
  }
  co_return reply;
}

}  // namespace posthorn::inspect
