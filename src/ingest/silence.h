#pragma once
// "This source fell silent": a notice when a source that is watched (silent_after) got nothing for
// too long.

#include <boost/asio/io_context.hpp>
#include <map>

#include "env/alarm.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/task_group.h"
#include "ingest/source_index.h"
#include "store/store.h"

namespace posthorn::ingest {

/// Looks every minute. One notification (source.silent) for each silence: it is named by the source
/// and the last moment at which something came, so that neither another look nor a restart repeats
/// it, and the next comes only after something came. What was refused does not count; of a source
/// that never got anything its making does. Runs on one io_context: construct, start(), and stop()
/// before the context ends.
class Silence {
 public:
  struct Ports {
    asio::io_context& context;
    env::Clock& clock;
    store::Store& store;
    SourceIndex& sources;
    env::Log& log;
  };
  explicit Silence(Ports ports);
  ~Silence();

  void start();
  task<> stop();

 private:
  struct Watched {
    Instant last;  ///< Something came, as far as the store told; the activity knows better.
    Instant told;  ///< The last moment of the silence that was told; 0: none.
  };
  task<> run();
  task<> look(LiveSourcePtr live);
  task<Result<Instant>> newest_in_store(LiveSourcePtr live);
  task<Result<>> tell(LiveSourcePtr live, Instant last);

  Ports ports_;
  std::map<SourceId, Watched> watched_;
  env::Alarm alarm_;
  env::TaskGroup tasks_;
  bool stopping_ = false;
};

}  // namespace posthorn::ingest
