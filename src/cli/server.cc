// serve, fsck, backup, restore

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>

#include "app/application.h"
#include "app/maintenance.h"
#include "cli/command_line.h"
#include "cli/demo.h"

namespace posthorn::cli {

namespace {

struct Serve {
  std::string data, listen, config, resume_from;
  bool dev = false, demo = false, once = false, help_settings = false;
};

int print_settings() {
  for (const auto& setting : app::settings())
    fmt::print("{:<24} {:<40} {}\n", setting.key, setting.allowed, setting.help);
  return done;
}

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case Errc::invalid:
      return usage;
    case Errc::conflict:
    case Errc::unsupported:
      return missing_prerequisite;
    default:
      return failed;
  }
}

/// Flags go in as variables; whoever gave a flag looks for its name.
std::string named_by_flags(std::string faults, const Serve& options) {
  const auto rename = [&faults](std::string_view variable, std::string_view flag) {
    if (const auto at = faults.find(variable); at != std::string::npos)
      faults.replace(at, variable.size(), flag);
  };
  if (!options.listen.empty()) rename("POSTHORN_LISTEN: listen: ", "--listen: ");
  if (!options.data.empty()) rename("POSTHORN_DATA: data: ", "--data: ");
  return faults;
}

int serve(const Context& context, const Serve& options) {
  if (options.help_settings) return print_settings();
  const auto begin = std::chrono::steady_clock::now();
  auto environment = context.environment;
  // Flags win over the environment: they take the same way in, with the same checks.
  if (!options.data.empty()) environment["POSTHORN_DATA"] = options.data;
  if (!options.listen.empty()) environment["POSTHORN_LISTEN"] = options.listen;
  if (options.dev) environment["POSTHORN_DEV"] = "true";
  auto config = app::load_config(
      options.config.empty() ? std::optional<std::string>() : options.config, environment);
  if (!config) {
    fmt::print(stderr, "posthorn: the configuration cannot be used:\n{}\n",
               named_by_flags(config.error().what, options));
    return usage;
  }
  app::StartOptions start_options;
  if (!options.resume_from.empty()) start_options.resume_from = options.resume_from;
  const std::string data = config->data;
  const bool dev = config->dev;
  auto started = app::Application::start(std::move(*config), std::move(start_options));
  if (!started) {
    fmt::print(stderr, "posthorn: {}\n", started.error().what);
    return exit_code_of(started.error());
  }
  auto& application = **started;
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("posthorn {}  ready http://{}  in {:.1f} s  data {}\n", POSTHORN_VERSION,
             application.address(), took,
             std::filesystem::absolute(data).lexically_normal().string());
  if (!application.tls_address().empty())
    fmt::print("  https      https://{}\n", application.tls_address());
  if (application.admin_key_is_new())
    fmt::print(
        "  admin key  {}  (shown once: keep it, and set POSTHORN_KEY to it for the command line)\n",
        application.admin_key().reveal());
  if (dev) fmt::print("  DEV MODE   deliveries to localhost and by plain http are allowed\n");
  if (application.is_paused())
    fmt::print(
        "  PAUSED     this is a restored backup: start with --resume-from all, or --resume-from "
        "MOMENT\n");
  std::fflush(stdout);

  int code = done;
  if (options.demo) {
    ClientOptions client_options;
    client_options.url = "http://" + application.address();
    client_options.key = application.admin_key();
    Client client(std::move(client_options));
    code = run_demo(client);
    std::fflush(stdout);
  }
  if (options.once) {
    application.stop();
    return code;
  }
  application.run_until_signal();
  fmt::print(stderr, "posthorn: drained and stopped\n");
  return code;
}

/// A bar that a long call moves.
class Bar {
 public:
  explicit Bar(std::string label) : label_(std::move(label)) {}
  void operator()(std::uint64_t at, std::uint64_t total) {
    if (!progress_) progress_ = std::make_shared<Progress>(label_, total);
    progress_->update(at);
  }

 private:
  std::string label_;
  std::shared_ptr<Progress> progress_;
};

int report(const Context& context, const Result<std::vector<std::string>>& found,
           std::string_view fine) {
  if (!found) {
    fmt::print(stderr, "posthorn: {}\n", found.error().what);
    return exit_code_of(found.error());
  }
  if (context.output.as_json) {
    json::array faults;
    for (const auto& fault : *found) faults.emplace_back(fault);
    fmt::print("{}\n", json::serialize(json::object{{"ok", found->empty()}, {"faults", faults}}));
  } else {
    for (const auto& fault : *found) fmt::print("{}\n", fault);
    if (found->empty()) fmt::print("{}\n", fine);
  }
  return found->empty() ? done : failed;
}

}  // namespace

void add_server(CLI::App& root, Context& context) {
  auto options = std::make_shared<Serve>();
  auto* serve_command = root.add_subcommand("serve", "Runs the server");
  serve_command->add_option("--data", options->data, "Where everything is kept (default ./data)");
  serve_command->add_option(
      "--listen", options->listen,
      "ADDRESS:PORT for plain http (default 127.0.0.1:8420; port 0: any free one)");
  serve_command->add_option(
      "--config", options->config,
      "The configuration file (default /etc/posthorn/posthorn.toml if it is there)");
  serve_command->add_flag("--dev", options->dev, "Allow deliveries to localhost and by plain http");
  serve_command->add_flag("--demo", options->demo,
                          "Show one signed delivery end to end after the start");
  serve_command->add_flag("--once", options->once, "End after the start (and the demo)");
  serve_command->add_option("--resume-from", options->resume_from,
                            "For a restored backup: all, or a moment before which nothing is sent");
  serve_command->add_flag("--help-settings", options->help_settings,
                          "Print every setting of the configuration");
  add_examples(*serve_command,
               {"--data /var/lib/posthorn --listen 127.0.0.1:8420", "--data ./data --dev --demo"});
  serve_command->callback([&context, options] {
    context.action = [&context, options] { return serve(context, *options); };
  });

  auto data = std::make_shared<std::string>("./data");
  auto* fsck =
      root.add_subcommand("fsck", "Checks the store's invariants (with the server stopped)");
  fsck->add_option("--data", *data, "The data folder");
  add_examples(*fsck, {"--data ./data"});
  fsck->callback([&context, data] {
    context.action = [&context, data] {
      return report(context, app::check_store(*data), "all invariants hold");
    };
  });

  struct Copy {
    std::string data = "./data", other;
    bool verify = false;
  };
  auto copied = std::make_shared<Copy>();
  auto* backup = root.add_subcommand(
      "backup", "Copies the data folder while the server runs; the key file is not copied");
  backup->add_option("--data", copied->data, "The data folder");
  backup->add_option("--to", copied->other, "An empty folder")->required();
  add_examples(*backup, {"--data ./data --to /backup/monday"});
  backup->callback([&context, copied] {
    context.action = [&context, copied] {
      return report(context, app::back_up(copied->data, copied->other, Bar("copying")),
                    "backed up");
    };
  });
  auto restored = std::make_shared<Copy>();
  restored->data.clear();
  auto* restore = root.add_subcommand(
      "restore", "Fills an empty data folder from a backup, or only verifies the backup");
  restore->add_option("--from", restored->other, "The backup's folder")->required();
  restore->add_option("--data", restored->data, "The new data folder");
  restore->add_flag("--verify", restored->verify, "Only check the backup");
  add_examples(*restore, {"--from /backup/monday --verify", "--from /backup/monday --data ./new"});
  restore->callback([&context, restored] {
    context.action = [&context, restored]() -> int {
      if (restored->verify)
        return report(context, app::verify_backup(restored->other), "the backup is whole");
      if (restored->data.empty())
        throw CallFailed{usage, "give --data FOLDER (empty), or --verify", nullptr};
      return report(context, app::restore(restored->other, restored->data),
                    "restored: put the key file beside it, then start with --resume-from all or "
                    "--resume-from MOMENT");
    };
  });
}

}  // namespace posthorn::cli
