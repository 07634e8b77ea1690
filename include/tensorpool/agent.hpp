// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tensorpool {

/// A role as a duty cycle. Whoever drives it reads the clock once per cycle and passes the result in; no role
/// owns a hidden thread. Not thread-safe: one thread drives all members.
class Agent {
public:
    virtual ~Agent() = default;
    Agent() = default;
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    /// Does what is due and returns how much that was; 0 lets the idle strategy back off. Never blocks.
    virtual int do_work(Nanos now_ns) noexcept = 0;
    [[nodiscard]] virtual std::string_view role_name() const noexcept = 0;

    /// Called once on the driving thread before the first do_work(). May throw; the agent is then not driven.
    virtual void on_start() {}
    /// Called once on the driving thread after the last do_work().
    virtual void on_close() noexcept {}
};

/// Catches an object that two threads drive at once, in debug builds (assertions on); costs nothing
/// otherwise.
class SingleThreadCheck {
public:
    /// Remembers the first calling thread; aborts with a message naming `what` when another one follows.
    void check(std::string_view what) noexcept;
    /// The next check() may come from another thread: a deliberate hand-over.
    void release() noexcept { owner_.store(0, std::memory_order_relaxed); }

private:
    std::atomic<std::uintptr_t> owner_{0};
};

// ---- what to do when there was no work
// -----------------------------------------------------------------------

/// Decides how a driving thread spends an empty cycle. idle() is called after every cycle by one thread;
/// wake() may come from any thread.
class IdleStrategy {
public:
    virtual ~IdleStrategy() = default;
    IdleStrategy() = default;
    IdleStrategy(const IdleStrategy&) = delete;
    IdleStrategy& operator=(const IdleStrategy&) = delete;

    /// `work_count` is what the last cycle returned; a positive one resets the back-off.
    virtual void idle(int work_count) noexcept = 0;
    /// Cuts a running idle() short where the strategy can block.
    virtual void wake() noexcept {}
};

/// Never gives the processor away: lowest latency, one core at 100 %.
class BusySpinIdle final : public IdleStrategy {
public:
    void idle(int work_count) noexcept override;
};

/// Offers the processor to others after each empty cycle.
class YieldIdle final : public IdleStrategy {
public:
    void idle(int work_count) noexcept override;
};

/// Spins, then yields, then sleeps for doubling times up to `max_park_ns`.
class BackOffIdle final : public IdleStrategy {
public:
    explicit BackOffIdle(int max_spins = 10, int max_yields = 20, Nanos min_park_ns = 1'000,
                         Nanos max_park_ns = kNanosPerMilli) noexcept
        : max_spins_(max_spins),
          max_yields_(max_yields),
          min_park_ns_(min_park_ns),
          max_park_ns_(max_park_ns),
          park_ns_(min_park_ns) {}
    void idle(int work_count) noexcept override;

private:
    int max_spins_;
    int max_yields_;
    Nanos min_park_ns_;
    Nanos max_park_ns_;
    int empty_cycles_ = 0;
    Nanos park_ns_;
};

/// Sleeps a fixed time after each empty cycle.
class SleepIdle final : public IdleStrategy {
public:
    explicit SleepIdle(Nanos period_ns = kNanosPerMilli) noexcept : period_ns_(period_ns) {}
    void idle(int work_count) noexcept override;

private:
    Nanos period_ns_;
};

/// Something a thread can sleep on until it has work, for example the subscriptions a role polls.
class Waiter {
public:
    virtual ~Waiter() = default;
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    /// Sleeps until there may be work, wake() was called, or `timeout_ns` has passed.
    virtual void wait(Nanos timeout_ns) noexcept = 0;
    virtual void wake() noexcept = 0;
};

/// Sleeps on a Waiter after `spins` empty cycles: no processor time while nothing happens and a prompt
/// wake-up when something does. `max_wait_ns` bounds how late a timer of the agent can be.
class WaitIdle final : public IdleStrategy {
public:
    /// `waiter` must outlive the strategy.
    explicit WaitIdle(Waiter& waiter, Nanos max_wait_ns = 10 * kNanosPerMilli, int spins = 0) noexcept
        : waiter_(waiter), max_wait_ns_(max_wait_ns), spins_(spins) {}
    void idle(int work_count) noexcept override;
    void wake() noexcept override;

private:
    Waiter& waiter_;
    Nanos max_wait_ns_;
    int spins_;
    int empty_cycles_ = 0;
};

/// "busy-spin", "yield", "back-off" or "sleep" with its defaults; throws Error(InvalidConfig) for other
/// names.
[[nodiscard]] std::unique_ptr<IdleStrategy> make_idle_strategy(std::string_view name);

// ---- who drives an agent
// ---------------------------------------------------------------------------------------

/// Gives an agent its own thread. start() and close() belong to the owner's thread.
class AgentRunner {
public:
    struct Options {
        std::optional<int> cpu;        ///< pins the thread to this processor
        std::string thread_name;       ///< empty: the role name; the kernel keeps 15 characters
        const Clock* clock = nullptr;  ///< nullptr: system_clock()
    };

    /// `agent` must outlive the runner.
    AgentRunner(Agent& agent, std::unique_ptr<IdleStrategy> idle, Options options);
    AgentRunner(Agent& agent, std::unique_ptr<IdleStrategy> idle)
        : AgentRunner(agent, std::move(idle), Options{}) {}
    ~AgentRunner();
    AgentRunner(const AgentRunner&) = delete;
    AgentRunner& operator=(const AgentRunner&) = delete;

    /// Starts the thread and returns once on_start() has run there. Throws what on_start() threw, or
    /// Error(SystemError) when the thread cannot be pinned. May be called once.
    void start();
    /// Ends the duty cycle, runs on_close() on the agent's thread and joins it. Idempotent.
    void close() noexcept;
    [[nodiscard]] bool is_running() const noexcept { return running_.load(std::memory_order_acquire); }

private:
    void run() noexcept;
    void prepare_thread();

    Agent& agent_;
    std::unique_ptr<IdleStrategy> idle_;
    Options options_;
    std::thread thread_;
    std::atomic<bool> stop_{false};
    std::atomic<bool> running_{false};
    std::mutex mutex_;
    std::condition_variable started_;
    bool start_done_ = false;
    std::exception_ptr start_error_;
};

/// Drives an agent from the application's own loop. All members belong to one thread; debug builds abort when
/// invoke() is called from two.
class AgentInvoker {
public:
    /// `agent` and `clock` must outlive the invoker.
    explicit AgentInvoker(Agent& agent, const Clock& clock = system_clock()) noexcept
        : agent_(agent), clock_(clock) {}
    ~AgentInvoker() { close(); }
    AgentInvoker(const AgentInvoker&) = delete;
    AgentInvoker& operator=(const AgentInvoker&) = delete;

    void start();
    /// One cycle with one clock read. Returns 0 before start() and after close().
    int invoke() noexcept;
    void close() noexcept;

private:
    enum class State : std::uint8_t { New, Running, Closed };

    Agent& agent_;
    const Clock& clock_;
    State state_ = State::New;
    SingleThreadCheck thread_check_;
};

/// Several agents on one thread, driven in order with the same time. Closed in reverse order.
class CompositeAgent final : public Agent {
public:
    /// The agents must outlive the composite.
    CompositeAgent(std::string role_name, std::vector<Agent*> agents);

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return name_; }
    /// Starts all; when one throws, those already started are closed again and the exception goes on.
    void on_start() override;
    void on_close() noexcept override;

private:
    std::string name_;
    std::vector<Agent*> agents_;
};

}  // namespace tensorpool
