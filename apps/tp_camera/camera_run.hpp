// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/program.hpp"
#include "tp_camera/camera_options.hpp"

namespace tensorpool::apps {

/// Publishes a camera's frames until a limit is reached, a signal comes or nobody reads stdout any more.
/// Throws UsageError when the camera cannot have what was asked for, Error for any other failure.
[[nodiscard]] ExitCode run_camera(const CameraOptions& options);

}  // namespace tensorpool::apps
