#include "benchmark/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace posthorn::benchmark {

Process::Process(const std::vector<std::string>& command, std::string_view ready_mark,
                 const std::map<std::string, std::string>& environment) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  output_ = ends[0];
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at)
    if (!std::string_view(*at).starts_with("POSTHORN_")) variables.emplace_back(*at);
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> variable_pointers;
  for (auto& variable : variables) variable_pointers.push_back(variable.data());
  variable_pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  const int failed = posix_spawn(&pid_, command.front().c_str(), &actions, nullptr,
                                 arguments.data(), variable_pointers.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failed != 0) throw std::runtime_error("cannot start " + command.front());

  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::string seen;
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd waiting{output_, POLLIN, 0};
    if (poll(&waiting, 1, 1000) <= 0) continue;
    char chunk[4096];
    const auto got = ::read(output_, chunk, sizeof chunk);
    if (got <= 0) break;
    seen.append(chunk, static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end; (end = seen.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const auto line = std::string_view(seen).substr(begin, end - begin);
      const auto at = line.find(ready_mark);
      if (at == std::string_view::npos) continue;
      ready_line_ = line.substr(at, line.find(' ', at + ready_mark.size()) - at);
      return;
    }
  }
  kill();
  throw std::runtime_error(command.front() + " did not get ready:\n" + seen);
}

Process::~Process() {
  kill();
  if (output_ >= 0) ::close(output_);
}

std::uint16_t Process::port() const {
  const auto at = ready_line_.find_last_of(": ");
  std::uint16_t port = 0;
  std::from_chars(ready_line_.data() + at + 1, ready_line_.data() + ready_line_.size(), port);
  return port;
}

double Process::cpu_seconds() const {
  double total = 0;
  for (const auto& thread :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid_))) {
    std::ifstream file(thread.path() / "schedstat");
    double on_cpu_ns = 0;
    if (file >> on_cpu_ns) total += on_cpu_ns / 1e9;
  }
  return total;
}

double Process::memory_mb() const {
  std::ifstream file(fmt::format("/proc/{}/statm", pid_));
  double all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1048576.0;
}

void Process::end_with(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
}
void Process::stop() { end_with(SIGTERM); }
void Process::kill() { end_with(SIGKILL); }

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe"); }

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "posthorn-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("cannot make a temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // A folder left behind does not change what was measured.
  std::filesystem::remove_all(path_, ignored);
}

std::string call(std::uint16_t port, std::string_view method, std::string_view target,
                 std::string_view key, std::string_view body) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    throw std::runtime_error("cannot connect");
  }
  const auto request = fmt::format(
      "{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\nContent-Type: "
      "application/json\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      method, target, port, key, body.size(), body);
  std::size_t put = 0;
  while (put < request.size()) {
    const auto n = ::write(fd, request.data() + put, request.size() - put);
    if (n <= 0) break;
    put += static_cast<std::size_t>(n);
  }
  std::string reply;
  char chunk[16384];
  for (long got; (got = ::read(fd, chunk, sizeof chunk)) > 0;)
    reply.append(chunk, static_cast<std::size_t>(got));
  ::close(fd);
  const auto end = reply.find("\r\n\r\n");
  if (end == std::string::npos || reply.size() < 12 || reply[9] != '2')
    throw std::runtime_error(fmt::format("{} {} was answered: {}", method, target, reply));
  return reply.substr(end + 4);
}

}  // namespace posthorn::benchmark
