#include "runtime/variable_access.h"

#include <cstring>

#include "mpsg/error.h"
#include "runtime/graph_runtime.h"
#include "runtime/queues/pending_data.h"
#include "runtime/queues/scheduler.h"

namespace mpsg {
namespace {

/// Between its turn and its end nobody else uses the variables.
class HostTurn final : public Task {
 public:
  explicit HostTurn(std::shared_ptr<Task> reached) : Task(nullptr), reached_(std::move(reached)) {}

 protected:
  bool advance(RunControl&) override {
    Scheduler::shared().end(reached_, nullptr);
    return true;
  }

 private:
  std::shared_ptr<Task> reached_;
};

/// The host's turn with some variables, for a scope.
class HostAccess {
 public:
  HostAccess(const Graph& graph, std::span<const OperationId> ids, bool writes,
             CallerLock& caller) {
    auto& data = *graph.data();
    auto& runtime = GraphRuntime::of(data);
    for (const auto id : ids) {
      if (id < 0 || id >= data.node_count() || data.node(id).row->name != "variable")
        throw GraphError("operation " + std::to_string(id) + " is no variable of this graph");
      uses_.push_back({&runtime.variable(data, id), !writes, writes});
    }
    const auto reached = std::make_shared<Milestone>();
    turn_ = std::make_shared<HostTurn>(reached);
    Submission submissions[2];
    submissions[0].task = reached;
    submissions[1].task = turn_;
    submissions[1].variables = uses_;
    auto& scheduler = Scheduler::shared();
    scheduler.submit(submissions);
    try {
      scheduler.wait(*reached, caller);
    } catch (...) {
      turn_->cancel();
      scheduler.end(turn_, nullptr);
      throw;
    }
  }
  ~HostAccess() { Scheduler::shared().end(turn_, nullptr); }
  HostAccess(const HostAccess&) = delete;
  HostAccess& operator=(const HostAccess&) = delete;

  VariableMemory& operator[](size_t i) const { return *uses_[i].variable; }

 private:
  std::vector<VariableUse> uses_;
  std::shared_ptr<Task> turn_;
};

}  // namespace

std::vector<TensorData> read_variables(const Graph& graph, std::span<const OperationId> variables,
                                       CallerLock& caller) {
  const HostAccess access(graph, variables, false, caller);
  const CallerUnlocked unlocked(caller);
  std::vector<TensorData> values;
  for (size_t i = 0; i < variables.size(); ++i) {
    const auto& memory = access[i];
    if (!memory.damage.empty())
      throw ExecutionError("variable '" + memory.name + "' has no value: " + memory.damage +
                           ". Assign it, or load it");
    values.emplace_back(memory.type,
                        std::span<const std::byte>(memory.bytes->data(), memory.bytes->size()));
  }
  return values;
}

void write_variables(const Graph& graph, std::span<const OperationId> variables,
                     std::span<const TensorData> values, CallerLock& caller) {
  for (const auto& value : values)
    if (const auto& pending = PendingData::of(value)) pending->wait(caller);
  const HostAccess access(graph, variables, true, caller);
  const CallerUnlocked unlocked(caller);
  for (size_t i = 0; i < variables.size(); ++i)
    if (values[i].type() != access[i].type)
      throw FeedError("variable '" + access[i].name + "' is " + access[i].type.to_string() +
                      "; the value given is " + values[i].type().to_string());
  for (size_t i = 0; i < variables.size(); ++i) {
    auto& memory = access[i];
    if (memory.bytes->size() > 0)
      std::memmove(memory.bytes->mutable_data(), values[i].data(), memory.bytes->size());
    memory.damage.clear();
  }
}

}  // namespace mpsg
