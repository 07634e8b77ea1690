// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

// What every benchmark here shares: results by name, percentiles, pinning, and a second process.
namespace tensorpool::bench {

/// The flat name -> number table that `--json` writes.
class Results {
public:
    void add(const std::string& name, double value, const std::string& unit, const std::string& note = "");
    /// A ratio with the target it should not exceed (or reach, for fractions).
    void add_ratio(const std::string& name, double value, const std::string& target);

    void print_table() const;
    void write_json(const std::string& path) const;

private:
    struct Row {
        std::string name;
        double value;
        std::string unit;
        std::string note;
    };
    std::vector<Row> rows_;
};

struct Options {
    bool quick = false;
    std::string filter;  ///< run only groups whose name contains this
};

struct Percentiles {
    double p50 = 0;
    double p99 = 0;
    double p999 = 0;
};

[[nodiscard]] Percentiles percentiles(std::vector<Nanos> samples);
[[nodiscard]] double median(std::vector<double> values);

/// Pins the calling process to processor `index` modulo those it may use; returns false where it has only
/// one.
bool pin_to(int index);

/// A private directory on tmpfs for logs and regions, removed at the end of the scope.
class ScratchDir {
public:
    ScratchDir();
    ~ScratchDir();
    ScratchDir(const ScratchDir&) = delete;
    ScratchDir& operator=(const ScratchDir&) = delete;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string sub(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// Anonymous memory that a forked child shares with its parent, zeroed.
class SharedMemory {
public:
    explicit SharedMemory(std::size_t bytes);
    ~SharedMemory();
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    template <typename T>
    [[nodiscard]] T* as() const noexcept {
        return static_cast<T*>(base_);
    }

private:
    void* base_;
    std::size_t bytes_;
};

/// Runs `body` in a forked process. join() waits for it and throws when it failed.
class ChildProcess {
public:
    explicit ChildProcess(const std::function<void()>& body);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    void join();
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    pid_t pid_ = -1;
};

/// Calls of operator new in this process since it started.
[[nodiscard]] std::uint64_t allocation_count() noexcept;

/// One group of figures. Groups run in order, each in the calling process, and may fork.
using Group = void (*)(const Options&, Results&);
void publish_group(const Options&, Results&);
void copy_group(const Options&, Results&);
void latency_group(const Options&, Results&);
void fanout_group(const Options&, Results&);
void driver_group(const Options&, Results&);
void consumers_group(const Options&, Results&);
void supervisor_group(const Options&, Results&);
void join_group(const Options&, Results&);

/// Processor time of the calling process so far.
[[nodiscard]] double cpu_seconds();
void trace_group(const Options&, Results&);
void bridge_group(const Options&, Results&);
/// Without Aeron these only say so.
void bridge_over_aeron(const Options&, Results&);  // part of bridge_group
void aeron_group(const Options&, Results&);
void telemetry_group(const Options&, Results&);
void discovery_group(const Options&, Results&);
void rate_limiter_group(const Options&, Results&);

}  // namespace tensorpool::bench
