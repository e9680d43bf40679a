#include "runtime/queues/pending_data.h"

#include "runtime/queues/scheduler.h"

namespace mpsg {

void PendingData::wait(CallerLock& caller) const {
  Scheduler::shared().wait(*task_, caller);
  if (task_->error()) std::rethrow_exception(task_->error());
}

}  // namespace mpsg
