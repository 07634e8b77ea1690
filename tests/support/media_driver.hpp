// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/aeron/aeron_client.hpp"
#include "support/eventually.hpp"
#include "support/program.hpp"
#include "support/temp_dir.hpp"

#include <csignal>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace tensorpool::test {

/// An aeronmd of our own, in a process and a directory of its own.
class AeronmdProcess {
public:
    /// Each of `environment` is NAME=VALUE, as aeronmd reads them. `network`: as of Program.
    explicit AeronmdProcess(std::vector<std::string> environment = {}, int network = -1)
        : environment_(std::move(environment)), network_(network) {
        environment_.push_back("AERON_DIR=" + dir());
        environment_.emplace_back("AERON_THREADING_MODE=SHARED");
        environment_.emplace_back("AERON_TERM_BUFFER_SPARSE_FILE=1");
        environment_.emplace_back("AERON_DIR_WARN_IF_EXISTS=0");
        start();
    }

    void start() {
        program_ = std::make_unique<Program>(std::vector<std::string>{TP_AERONMD}, environment_, network_);
        const bool up =
            eventually([&] { return !program_->running() || std::filesystem::exists(dir() + "/cnc.dat"); });
        if (!up || !program_->running())
            throw std::runtime_error("aeronmd did not start: " + program_->err());
        messaging::AeronOptions options;
        options.dir = dir();
        options.connect_timeout_ns = 30 * kNanosPerSecond;
        (void)messaging::make_aeron_client(options);  // it answers
    }
    /// SIGKILL: nothing is cleaned up, as after a crash.
    void kill() {
        program_->signal(SIGKILL);
        program_->wait();
    }
    /// Starts it again as soon as its predecessor counts as dead.
    void restart() {
        const bool up = eventually([&] {
            program_ =
                std::make_unique<Program>(std::vector<std::string>{TP_AERONMD}, environment_, network_);
            return !eventually([&] { return !program_->running(); }, std::chrono::milliseconds(500));
        });
        if (!up) throw std::runtime_error("aeronmd did not start again: " + program_->err());
    }

    [[nodiscard]] std::string dir() const { return (parent_.path() / "aeron").string(); }

private:
    TempDir parent_;
    std::vector<std::string> environment_;
    int network_;
    std::unique_ptr<Program> program_;
};

}  // namespace tensorpool::test
