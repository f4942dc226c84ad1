// Documents with versions and names, and the audit chain.

#include <fmt/format.h>

#include "store/contract/contract.h"

namespace posthorn::store::contract {

namespace {

model::Object object_of(model::ObjectKind kind, std::string name = {},
                        std::string document = "{}") {
  model::Object made;
  made.kind = kind;
  made.workspace = workspace;
  made.name = std::move(name);
  made.document = std::move(document);
  return made;
}

Batch one_write(ObjectWrite::Action action, model::Object object, std::int64_t expected_version = 0,
                bool keep_existing = false) {
  Batch batch;
  batch.objects.push_back({action, std::move(object), expected_version, keep_existing});
  return batch;
}

}  // namespace

void object_cases(const MakeHarness& make) {
  using Action = ObjectWrite::Action;
  using model::ObjectKind;
  Bench bench(make);
  const auto create = [&](model::Object object) {
    return bench.apply(one_write(Action::create, std::move(object))).objects.at(0);
  };
  SUBCASE("a created document has an id, version 1 and times, and is read back the same") {
    auto made = object_of(ObjectKind::endpoint, "", R"({"url":"https://example.com"})");
    made.parent = 5;
    made.expires_at = bench.now() + 1h;
    const auto created = create(made);
    CHECK(created.id == 1);
    CHECK(created.version == 1);
    CHECK(created.created_at == bench.now());
    CHECK(created.updated_at == bench.now());
    bench.reopen();
    const auto read = must(bench.store().object(ObjectKind::endpoint, created.id));
    REQUIRE(read.has_value());
    CHECK(read->kind == ObjectKind::endpoint);
    CHECK(read->workspace == workspace);
    CHECK(read->parent == 5);
    CHECK(read->version == 1);
    CHECK(read->document == made.document);
    CHECK(read->expires_at == made.expires_at);
    CHECK(read->created_at == created.created_at);
    CHECK_FALSE(must(bench.store().object(ObjectKind::bin, created.id)).has_value());
    CHECK_FALSE(must(bench.store().object(ObjectKind::endpoint, 77)).has_value());
  }
  SUBCASE("all kinds share one row of ids, which are never given twice") {
    CHECK(create(object_of(ObjectKind::workspace)).id == 1);
    const auto last = create(object_of(ObjectKind::endpoint));
    CHECK(last.id == 2);
    bench.apply(one_write(Action::remove, last));
    bench.reopen();
    CHECK(create(object_of(ObjectKind::bin)).id == 3);
  }
  SUBCASE("an id may be given; later ones count up from there") {
    auto made = object_of(ObjectKind::workspace);
    made.id = 10;
    CHECK(create(made).id == 10);
    CHECK(create(object_of(ObjectKind::bin)).id == 11);
    CHECK(bench.refusal(one_write(Action::create, made)) == Errc::conflict);
  }
  SUBCASE("replace counts the version up and keeps the time of creation") {
    auto object = create(object_of(ObjectKind::endpoint));
    const Instant created = bench.now();
    bench.clock().advance(1min);
    object.document = R"({"v":2})";
    const auto replaced = bench.apply(one_write(Action::replace, object, 1)).objects.at(0);
    CHECK(replaced.version == 2);
    CHECK(replaced.created_at == created);
    CHECK(replaced.updated_at == bench.now());
    CHECK(must(bench.store().object(ObjectKind::endpoint, object.id))->document == R"({"v":2})");
    CHECK(bench.refusal(one_write(Action::replace, object, 1)) == Errc::conflict);
    CHECK(bench.apply(one_write(Action::replace, object)).objects.at(0).version == 3);
  }
  SUBCASE("replace and remove of what is not there, or is of another kind, is not_found") {
    auto object = create(object_of(ObjectKind::endpoint));
    auto missing = object, other_kind = object, other_workspace = object;
    missing.id = 77;
    other_kind.kind = ObjectKind::bin;
    other_workspace.workspace = WorkspaceId{2};
    for (const auto action : {Action::replace, Action::remove}) {
      CHECK(bench.refusal(one_write(action, missing)) == Errc::not_found);
      CHECK(bench.refusal(one_write(action, other_kind)) == Errc::not_found);
      CHECK(bench.refusal(one_write(action, other_workspace)) == Errc::not_found);
    }
    CHECK(bench.refusal(one_write(Action::remove, object, 2)) == Errc::conflict);
    bench.apply(one_write(Action::remove, object, 1));
    CHECK_FALSE(must(bench.store().object(ObjectKind::endpoint, object.id)).has_value());
    CHECK(bench.refusal(one_write(Action::remove, object)) == Errc::not_found);
  }
  SUBCASE("a name is unique in its kind and workspace and finds its document") {
    const auto object = create(object_of(ObjectKind::event_type, "ticket.created"));
    bench.reopen();
    const auto find = [&](ObjectKind kind, WorkspaceId owner, std::string name) {
      return must(bench.store().object_by_name(kind, owner, std::move(name)));
    };
    CHECK(find(ObjectKind::event_type, workspace, "ticket.created")->id == object.id);
    CHECK_FALSE(find(ObjectKind::event_type, workspace, "ticket").has_value());
    CHECK_FALSE(find(ObjectKind::event_type, workspace, "").has_value());
    CHECK_FALSE(find(ObjectKind::bin, workspace, "ticket.created").has_value());
    CHECK_FALSE(find(ObjectKind::event_type, WorkspaceId{2}, "ticket.created").has_value());
    CHECK(bench.refusal(one_write(Action::create, object_of(ObjectKind::event_type,
                                                            "ticket.created"))) == Errc::conflict);
    create(object_of(ObjectKind::bin, "ticket.created"));
    bench.apply(one_write(Action::remove, object));
    CHECK_FALSE(find(ObjectKind::event_type, workspace, "ticket.created").has_value());
    create(object_of(ObjectKind::event_type, "ticket.created"));
  }
  SUBCASE("keep_existing answers with what is there and changes nothing") {
    const auto first = create(object_of(ObjectKind::event_type, "a", R"({"n":1})"));
    bench.clock().advance(1s);
    const auto kept =
        bench
            .apply(one_write(Action::create, object_of(ObjectKind::event_type, "a", R"({"n":2})"),
                             0, true))
            .objects.at(0);
    CHECK(kept.id == first.id);
    CHECK(kept.version == 1);
    CHECK(kept.document == R"({"n":1})");
    CHECK(kept.updated_at == first.updated_at);
  }
  SUBCASE("renaming frees the old name and needs the new one free") {
    auto a = create(object_of(ObjectKind::application, "a"));
    create(object_of(ObjectKind::application, "b"));
    a.name = "b";
    CHECK(bench.refusal(one_write(Action::replace, a)) == Errc::conflict);
    a.name = "c";
    bench.apply(one_write(Action::replace, a));
    create(object_of(ObjectKind::application, "a"));
    CHECK(must(bench.store().object_by_name(ObjectKind::application, workspace, "c"))->id == a.id);
  }
  SUBCASE("writes of one batch see each other, and one that fails takes all with it") {
    Batch twice = one_write(Action::create, object_of(ObjectKind::bin, "x"));
    twice.objects.push_back(twice.objects.front());
    CHECK(bench.refusal(twice) == Errc::conflict);
    CHECK_FALSE(must(bench.store().object_by_name(ObjectKind::bin, workspace, "x")).has_value());
    twice.objects.back().keep_existing = true;
    const auto applied = bench.apply(std::move(twice));
    CHECK(applied.objects.at(0).id == applied.objects.at(1).id);
    CHECK(applied.objects.at(0).id == 1);
  }
  SUBCASE("changed documents are told, kept ones are not") {
    std::vector<std::pair<std::uint64_t, bool>> told;
    const auto token = bench.store().listen([&](std::shared_ptr<const CommitNotice> notice) {
      for (const auto& object : notice->objects) told.emplace_back(object.id, object.removed);
    });
    const auto object = create(object_of(ObjectKind::bin, "x"));
    bench.apply(one_write(Action::create, object_of(ObjectKind::bin, "x"), 0, true));
    bench.apply(one_write(Action::replace, object));
    bench.apply(one_write(Action::remove, object));
    CHECK(told == std::vector<std::pair<std::uint64_t, bool>>{{1, false}, {1, false}, {1, true}});
  }
}

void audit_cases(const MakeHarness& make) {
  Bench bench(make);
  const auto entry = [&](std::string action, WorkspaceId owner = workspace) {
    model::AuditEntry made;
    made.workspace = owner;
    made.at = bench.now();
    made.actor = "key:key_1";
    made.action = std::move(action);
    made.object = "ep_1";
    made.before_hash = "b";
    made.after_hash = "a";
    made.request_id = "req";
    return made;
  };
  const auto log = [&](std::optional<WorkspaceId> owner = {}) {
    return must(bench.store().list_audit(owner, {.limit = 100, .oldest_first = true})).rows;
  };
  SUBCASE("entries are numbered and chained, also over restarts and workspaces") {
    Batch batch;
    batch.audit = {entry("one"), entry("two", WorkspaceId{2})};
    bench.apply(std::move(batch));
    bench.reopen();
    Batch third;
    third.audit = {entry("three")};
    bench.apply(std::move(third));
    const auto entries = log();
    REQUIRE(entries.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(entries[i].id == AuditId{i + 1});
      CHECK(entries[i].hash.size() == 64);
      CHECK(entries[i].previous_hash == (i == 0 ? "" : entries[i - 1].hash));
    }
    CHECK(entries[0].actor == "key:key_1");
    CHECK(entries[0].action == "one");
    CHECK(entries[0].object == "ep_1");
    CHECK(entries[0].before_hash == "b");
    CHECK(entries[0].after_hash == "a");
    CHECK(entries[0].request_id == "req");
    CHECK(entries[0].at == bench.now());
    CHECK(entries[0].hash != entries[2].hash);
    CHECK(log(WorkspaceId{2}).size() == 1);
  }
  SUBCASE(
      "a publish without an entry of its own is named once, with the first event and how many") {
    Batch batch;
    for (int i = 0; i < 3; ++i) batch.events.push_back(bench.event({}));
    batch.publish_actor = "key:key_9";
    batch.request_id = "req-7";
    const auto first = bench.apply(std::move(batch)).events.at(0).id;
    const auto entries = log();
    REQUIRE(entries.size() == 1);
    CHECK(entries[0].action == "events.publish");
    CHECK(entries[0].actor == "key:key_9");
    CHECK(entries[0].workspace == workspace);
    CHECK(entries[0].object == first.text() + " (3)");
    CHECK(entries[0].request_id == "req-7");
    Batch one;
    one.events.push_back(bench.event({}));
    one.publish_actor = "key:key_9";
    const auto second = bench.apply(std::move(one)).events.at(0).id;
    CHECK(log().back().object == second.text());
  }
  SUBCASE("no entry when nothing was published, nobody is named, or the batch brings its own") {
    auto named = bench.event({});
    named.event.client_id = "a";
    Batch batch;
    batch.events.push_back(named);
    batch.publish_actor = "key:key_9";
    bench.apply(batch);
    CHECK(log().size() == 1);
    bench.apply(batch);
    CHECK(log().size() == 1);
    bench.publish({});
    CHECK(log().size() == 1);
    Batch own;
    own.events.push_back(bench.event({}));
    own.publish_actor = "key:key_9";
    own.audit.push_back(entry("event.resend"));
    bench.apply(std::move(own));
    REQUIRE(log().size() == 2);
    CHECK(log().back().action == "event.resend");
  }
}

}  // namespace posthorn::store::contract
