// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace tensorpool::base {

template <typename Signature>
class FunctionRef;

/// A non-owning reference to a callable: two words, no allocation. The callable must outlive the call it is
/// passed to; never store one.
template <typename R, typename... Args>
class FunctionRef<R(Args...)> {
public:
    template <typename F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, Args...>)
        // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): the constraint leaves copies alone
        FunctionRef(F&& callable)
    noexcept  // NOLINT(google-explicit-constructor): call sites pass lambdas
        : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
          call_([](void* object, Args... args) -> R {
              return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
          }) {}

    R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

    /// Where its code begins.
    [[nodiscard]] const void* code() const noexcept { return reinterpret_cast<const void*>(call_); }

private:
    void* object_;
    R (*call_)(void*, Args...);
};

}  // namespace tensorpool::base
