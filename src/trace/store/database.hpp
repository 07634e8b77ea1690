// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

// SQLite with Errors instead of codes. SQLite's integers are signed: unsigned values are stored by their bit
// pattern (TT-12).
namespace tensorpool::trace {

/// A prepared statement.
class Statement {
public:
    Statement(sqlite3* database, const std::string& path, std::string_view sql);

    /// Binds parameters 1, 2, ... in order; an empty optional is NULL.
    template <typename... Values>
    Statement& bind(const Values&... values) {
        reset();
        int index = 0;
        (bind_at(++index, values), ...);
        return *this;
    }
    /// The next row; false at the end. Throws Error.
    bool step();
    /// Runs a statement without rows to its end.
    void run() {
        while (step()) {
        }
        reset();
    }
    void reset() noexcept;

    [[nodiscard]] std::uint64_t u64(int column) const noexcept;
    [[nodiscard]] std::uint32_t u32(int column) const noexcept {
        return static_cast<std::uint32_t>(u64(column));
    }
    [[nodiscard]] std::optional<std::uint64_t> nullable_u64(int column) const noexcept;
    /// Valid until the next step().
    [[nodiscard]] std::string_view text(int column) const noexcept;

private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept;
    };

    void bind_bits(int index, std::int64_t bits);
    void bind_null(int index);
    template <typename T>
    void bind_at(int index, const T& value) {
        bind_bits(index, static_cast<std::int64_t>(value));
    }
    template <typename T>
    void bind_at(int index, const std::optional<T>& value) {
        value ? bind_at(index, *value) : bind_null(index);
    }
    void check(int code, const char* what) const;

    sqlite3* database_;
    const std::string* path_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// An open trace store.
class Database {
public:
    enum class Mode : std::uint8_t { Write, Read };

    /// Write: makes the tables when the file is new. Read: the file must be a trace store.
    Database(std::string path, Mode mode, std::uint32_t busy_timeout_ms);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    [[nodiscard]] Statement prepare(std::string_view sql) const { return {database_.get(), path_, sql}; }
    void execute(const char* sql) const;
    /// Rows that statements of this connection inserted, ever.
    [[nodiscard]] std::uint64_t rows_changed() const noexcept;
    [[nodiscard]] bool in_transaction() const noexcept;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    struct Close {
        void operator()(sqlite3* database) const noexcept;
    };
    void check_is_ours() const;
    void create_tables() const;
    [[nodiscard]] std::uint64_t number(const char* sql) const;

    std::string path_;
    std::unique_ptr<sqlite3, Close> database_;
};

/// BEGIN IMMEDIATE until commit(); rolled back when it goes out of scope before.
class Transaction {
public:
    explicit Transaction(const Database& database) : database_(database) {
        database.execute("BEGIN IMMEDIATE");
    }
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit() { database_.execute("COMMIT"); }

private:
    const Database& database_;
};

}  // namespace tensorpool::trace
