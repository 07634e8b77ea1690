// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace tensorpool {

/// What kind of thing went wrong during set-up, configuration or attach. The message says the rest.
enum class ErrorCode {
    InvalidConfig,    ///< a value is out of its range, or two values contradict each other
    InvalidArgument,  ///< the caller broke a documented precondition
    NotFound,         ///< a file, stream or device does not exist
    AccessDenied,     ///< permissions, path containment or file type forbid it
    NoSpace,          ///< the file system cannot hold what was asked for
    Unsupported,      ///< this build, kernel or peer cannot do it
    Rejected,         ///< the driver refused, and said why
    Timeout,          ///< a deadline passed
    ProtocolError,    ///< a peer sent something the protocol forbids
    SystemError,      ///< a system call failed; the message carries its name and errno text
    MessagingError,   ///< the messaging layer failed
    DeviceError,      ///< a camera or other source failed
};

/// Thrown by constructors, set-up, configuration and attach; never on the per-frame path.
/// `what()` is one line that a user can act on.
class Error : public std::runtime_error {
public:
    Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

    [[nodiscard]] ErrorCode code() const noexcept { return code_; }

private:
    ErrorCode code_;
};

}  // namespace tensorpool
