#pragma once
// TLS as a server: the certificate, read again when its files change.

#include <boost/asio/ssl/context.hpp>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"

namespace posthorn::net {

/// TLS 1.2 and later with Mozilla's intermediate ciphers, ALPN http/1.1. Used on one thread; a
/// context that connections still use lives on after a reload.
class TlsServer {
 public:
  /// Errors: invalid, naming the file and what is wrong with it (unreadable, not PEM, key of
  /// another certificate).
  static Result<std::unique_ptr<TlsServer>> load(std::string certificate_file,
                                                 std::string key_file);

  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> context() const { return context_; }
  /// Reads the files again if their times of change differ from what was last read. True when a new
  /// certificate is in use. Files that cannot be used leave the old one in place: the error says
  /// why, once for each change of the files.
  Result<bool> reload_if_changed();

 private:
  TlsServer(std::string certificate_file, std::string key_file)
      : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}
  Result<> read();

  std::string certificate_file_, key_file_;
  std::filesystem::file_time_type certificate_time_, key_time_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace posthorn::net
