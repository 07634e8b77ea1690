// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/messaging.hpp"

#include <memory>
#include <string>

namespace tensorpool::messaging {

struct EmbeddedOptions {
    /// Where logs and registries live: a directory on tmpfs that only this user (or group) can open.
    /// Empty: default_embedded_dir().
    std::string dir;
    /// Directories 2770 and files 0660 instead of 0700 and 0600, so that the directory's group takes part.
    bool group_access = false;
    /// Stamps Image::joined_ns. nullptr: system_clock(). Must outlive the client.
    const Clock* clock = nullptr;
    /// How often do_work() looks for peers that died.
    Nanos liveness_interval_ns = 50 * kNanosPerMilli;
};

/// TP_MESSAGING_DIR if set, else /dev/shm/tensorpool-messaging-<user>.
[[nodiscard]] std::string default_embedded_dir();

/// Messaging between the processes of one host without a daemon: one log file per publication, one small
/// registry file per stream, all in one private directory. Clients meet when they name the same directory.
///
/// Throws Error: AccessDenied when the directory belongs to someone else, is a symbolic link or is open to
/// more users than asked for; SystemError when it cannot be made.
[[nodiscard]] std::unique_ptr<Client> make_embedded_client(const EmbeddedOptions& options = {});

}  // namespace tensorpool::messaging
