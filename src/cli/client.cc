#include "cli/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/bytes.h"

namespace posthorn::cli {

namespace {

ExitCode exit_code_of(long status) {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return usage;
    case 401:
    case 403:
      return not_authorised;
    case 404:
      return not_found;
    case 409:
    case 412:
      return conflict;
    case 429:
      return rate_limited;
    default:
      return failed;
  }
}

/// The server's detail repeats its faults, which follow line by line: what stands before the first
/// of them stays.
std::string without_faults(const std::string& detail, const std::string& pointer,
                           const std::string& fault) {
  auto at = detail.find(fmt::format("{}: {}", pointer, fault));
  if (at == std::string::npos) at = detail.find(fault);
  if (fault.empty() || at == std::string::npos) return detail;
  const auto before = trim(std::string_view(detail).substr(0, at));
  return before.empty() || before == pointer ? "the server refuses it:" : std::string(before);
}

/// "detail", then a line "  /url: what is wrong" for each fault.
CallFailed failure(const HttpAnswer& answer) {
  CallFailed made{exit_code_of(answer.status), fmt::format("the server answered {}", answer.status),
                  nullptr};
  boost::system::error_code error;
  made.problem = json::parse(answer.body, error);
  const auto* problem = error ? nullptr : made.problem.if_object();
  if (problem == nullptr) {
    made.problem = nullptr;
    return made;
  }
  if (const auto* detail = problem->if_contains("detail"); detail != nullptr && detail->is_string())
    made.message = printable(std::string_view(detail->get_string()));
  std::string faults;
  if (const auto* errors = problem->if_contains("errors");
      errors != nullptr && errors->is_array()) {
    for (const auto& item : errors->get_array()) {
      const auto* fault = item.if_object();
      if (fault == nullptr) continue;
      const auto part = [fault](std::string_view name) {
        const auto* value = fault->if_contains(name);
        return value != nullptr && value->is_string()
                   ? printable(std::string_view(value->get_string()))
                   : std::string();
      };
      const auto pointer = part("pointer"), detail = part("detail");
      if (faults.empty()) made.message = without_faults(made.message, pointer, detail);
      faults += fmt::format("\n  {}{}{}", pointer, pointer.empty() ? "" : ": ", detail);
    }
  }
  made.message += faults;
  return made;
}

/// Cuts a stream's text into messages; parts may end anywhere.
class MessageReader {
 public:
  explicit MessageReader(const std::function<bool(const Client::Message&)>& take) : take_(take) {}

  bool feed(std::string_view part) {
    rest_ += part;
    for (auto end = rest_.find("\n\n"); end != std::string::npos; end = rest_.find("\n\n")) {
      const auto message = parse(std::string_view(rest_).substr(0, end));
      rest_.erase(0, end + 2);
      if (!message.id.empty()) last_id_ = message.id;
      if (!message.data.empty() && !take_(message)) return false;
    }
    return true;
  }
  /// After a connection broke: what was half read comes again.
  void restart() { rest_.clear(); }
  [[nodiscard]] const std::string& last_id() const { return last_id_; }

 private:
  static Client::Message parse(std::string_view block) {
    Client::Message message;
    while (!block.empty()) {
      const auto line = block.substr(0, block.find('\n'));
      block.remove_prefix(std::min(block.size(), line.size() + 1));
      const auto colon = line.find(':');
      if (colon == 0 || colon == std::string_view::npos) continue;  // a comment
      const auto value = trim(line.substr(colon + 1));
      const auto name = line.substr(0, colon);
      if (name == "event") message.name = value;
      if (name == "id") message.id = value;
      if (name == "data") message.data += value;
    }
    return message;
  }

  const std::function<bool(const Client::Message&)>& take_;
  std::string rest_, last_id_;
};

}  // namespace

Client::Client(ClientOptions options) : options_(std::move(options)) {
  while (options_.url.ends_with('/')) options_.url.pop_back();
}

HttpCall Client::prepare(std::string_view method, std::string_view target) const {
  HttpCall call;
  call.method = method;
  call.url = options_.url + std::string(target);
  if (!options_.key.empty())
    call.headers.emplace_back("Authorization", fmt::format("Bearer {}", options_.key.reveal()));
  if (!options_.workspace.empty())
    call.headers.emplace_back("X-Posthorn-Workspace", options_.workspace);
  return call;
}

HttpAnswer Client::ask(const HttpCall& call) const {
  constexpr int tries_max = 4;
  HttpAnswer answer;
  for (int tries = 1;; ++tries) {
    try {
      answer = perform(call);
    } catch (CallFailed& failure) {
      failure.message += ". Is `posthorn serve` running there? (--url, POSTHORN_URL)";
      throw;
    }
    if (answer.status != 429 || tries == tries_max) break;
    wait_milliseconds(1000 * std::clamp(answer.retry_after_seconds, 1, 30));
  }
  if (answer.status == 401 && options_.key.empty())
    throw CallFailed{not_authorised, "no API key: set POSTHORN_KEY or give --key-file FILE",
                     nullptr};
  if (answer.status / 100 != 2) throw failure(answer);
  return answer;
}

json::value Client::call(std::string_view method, std::string_view target,
                         const std::optional<std::string>& body, std::string_view idempotency_key) {
  auto call = prepare(method, target);
  call.headers.emplace_back("Content-Type", "application/json");
  call.headers.emplace_back("Accept", "application/json");
  if (!idempotency_key.empty()) call.headers.emplace_back("Idempotency-Key", idempotency_key);
  call.body = body;
  const auto answer = ask(call);
  if (answer.body.empty()) return nullptr;
  boost::system::error_code error;
  auto parsed = json::parse(answer.body, error);
  if (error) throw CallFailed{failed, "the server's answer is not JSON", nullptr};
  return parsed;
}

std::string Client::bytes(std::string_view target) { return ask(prepare("GET", target)).body; }

void Client::stream(std::string_view target, const std::function<bool(const Message&)>& take) {
  constexpr int breaks_max = 30;
  constexpr int pause_ms = 2000;
  MessageReader reader(take);
  bool wants_more = true;
  // Of connections that broke before anything came.
  int breaks = 0;
  while (wants_more) {
    auto call = prepare("GET", target);
    call.headers.emplace_back("Accept", "text/event-stream");
    if (!reader.last_id().empty()) call.headers.emplace_back("Last-Event-ID", reader.last_id());
    call.timeout_seconds = 0;
    try {
      const auto answer = perform(call, [&](std::string_view part) {
        breaks = 0;
        return wants_more = reader.feed(part);
      });
      const bool may_pass = answer.status / 100 == 5 && ++breaks <= breaks_max;
      if (answer.status / 100 != 2 && !may_pass) throw failure(answer);
    } catch (const CallFailed& problem) {
      if (problem.exit_code != unreachable || ++breaks > breaks_max) throw;
    }
    reader.restart();
    if (wants_more) wait_milliseconds(pause_ms);
  }
}

std::string encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
                       byte == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

void add_query(std::string& target, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += name;
  target += '=';
  target += encode(value);
}

}  // namespace posthorn::cli
