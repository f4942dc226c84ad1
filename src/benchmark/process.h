#pragma once
// A program under measurement runs as a process of its own, so that its CPU time is its own.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace posthorn::benchmark {

class Process {
 public:
  /// Starts `command` (an absolute path and arguments) with `environment` added, and waits up to 60
  /// s for the line that contains `ready_mark` on its standard output. Throws std::runtime_error
  /// when that line does not come.
  Process(const std::vector<std::string>& command, std::string_view ready_mark,
          const std::map<std::string, std::string>& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] const std::string& ready_line() const { return ready_line_; }
  /// The number after the last ':' or ' ' of the readiness line.
  [[nodiscard]] std::uint16_t port() const;
  /// CPU time of all its threads so far, from the scheduler's own accounts.
  [[nodiscard]] double cpu_seconds() const;
  /// Resident memory now.
  [[nodiscard]] double memory_mb() const;
  /// SIGTERM, then waits for its end.
  void stop();
  /// SIGKILL, then waits for its end.
  void kill();

 private:
  void end_with(int signal);

  pid_t pid_ = -1;
  int output_ = -1;
  std::string ready_line_;
};

/// The path of the running program.
std::string own_path();

/// A fresh folder below the system's temporary folder, removed with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Sends one request to 127.0.0.1 and returns the whole reply's body. Throws when the status is not
/// 2xx.
std::string call(std::uint16_t port, std::string_view method, std::string_view target,
                 std::string_view key, std::string_view body);

}  // namespace posthorn::benchmark
