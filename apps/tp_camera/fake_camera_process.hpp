// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace tensorpool::apps {

/// A camera simulator (tp-fake-camera) in a process of its own. It dies with this process, whatever ends
/// that.
class FakeCameraProcess {
public:
    /// Starts `program` and returns once its camera answers. Throws Error with the simulator's own words when
    /// it does not start. Must be called from the main thread: the kernel ties the simulator to the calling
    /// thread.
    FakeCameraProcess(const std::string& program, const std::string& address, const std::string& serial,
                      std::vector<std::string> more_arguments = {});
    ~FakeCameraProcess();
    FakeCameraProcess(const FakeCameraProcess&) = delete;
    FakeCameraProcess& operator=(const FakeCameraProcess&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// False once it ended by itself or was killed by somebody else.
    [[nodiscard]] bool running() noexcept;
    /// Ends it with `signal` and waits until it is gone. No-op when it already is.
    void end(int signal) noexcept;

private:
    pid_t pid_ = -1;
};

/// Where a program that is installed beside this one lies.
[[nodiscard]] std::string sibling_program(const std::string& name);

}  // namespace tensorpool::apps
