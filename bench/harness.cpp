// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "harness.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace tensorpool::bench {

void Results::add(const std::string& name, double value, const std::string& unit, const std::string& note) {
    rows_.push_back({name, value, unit, note});
    std::fprintf(stderr, "  %-34s %12.3f %-8s %s\n", name.c_str(), value, unit.c_str(), note.c_str());
}

void Results::add_ratio(const std::string& name, double value, const std::string& target) {
    add(name, value, "x", "target " + target);
}

void Results::print_table() const {
    fmt::print("{:<36} {:>14} {:<8} {}\n", "figure", "value", "unit", "");
    for (const Row& row : rows_)
        fmt::print("{:<36} {:>14.3f} {:<8} {}\n", row.name, row.value, row.unit, row.note);
}

void Results::write_json(const std::string& path) const {
    std::ofstream out(path);
    if (!out) throw std::runtime_error("cannot write " + path);
    out << "{\n";
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        out << fmt::format("  \"{}\": {:.6g}{}\n", rows_[i].name, rows_[i].value,
                           i + 1 < rows_.size() ? "," : "");
    }
    out << "}\n";
}

Percentiles percentiles(std::vector<Nanos> samples) {
    if (samples.empty()) return {};
    std::sort(samples.begin(), samples.end());
    const auto at = [&](double q) {
        return static_cast<double>(
            samples[static_cast<std::size_t>(q * static_cast<double>(samples.size() - 1))]);
    };
    return {at(0.5), at(0.99), at(0.999)};
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

bool pin_to(int index) {
    static const cpu_set_t allowed = [] {
        cpu_set_t set;
        CPU_ZERO(&set);
        ::sched_getaffinity(0, sizeof set, &set);
        return set;
    }();
    std::vector<std::size_t> cpus;
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpus[static_cast<std::size_t>(index) % cpus.size()], &one);
    ::sched_setaffinity(0, sizeof one, &one);
    return cpus.size() > 1;
}

ScratchDir::ScratchDir() {
    std::string pattern = "/dev/shm/tp-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("cannot create a directory in /dev/shm");
    path_ = pattern;
}

ScratchDir::~ScratchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

SharedMemory::SharedMemory(std::size_t bytes)
    : base_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)),
      bytes_(bytes) {
    if (base_ == MAP_FAILED) throw std::runtime_error("mmap failed");
}

SharedMemory::~SharedMemory() {
    ::munmap(base_, bytes_);
}

ChildProcess::ChildProcess(const std::function<void()>& body) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ != 0) return;
    int code = 0;
    try {
        body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench child: %s\n", error.what());
        code = 1;
    }
    std::fflush(nullptr);
    ::_exit(code);  // the parent's scratch directories are not ours to remove
}

ChildProcess::~ChildProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void ChildProcess::join() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("a benchmark child failed");
}

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace tensorpool::bench
