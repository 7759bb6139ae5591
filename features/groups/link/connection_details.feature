@G2 @G3.2
Feature: A connection names a gateway's address, a slot and a PIN
  One gateway serves one HSM library. What it takes to reach a slot through
  it is written down in the group once, and the PIN is never shown again.

  Scenario: The details are kept and the PIN is not shown
    When the administrator links the group "Payments" to the HSM
    Then the connection of "Payments" shows the gateway's address and the slot
    And the connection of "Payments" shows no PIN

  Scenario: The gateway's port is 4442 unless given
    When the administrator links the group "Payments" to the gateway "hsm.example.com"
    Then the connection of "Payments" shows the address "hsm.example.com:4442"

  Scenario: An address with a scheme is refused
    When the administrator links the group "Payments" to the gateway "https://hsm.example.com"
    Then it is refused as invalid
    And there is no group "Payments"

  Scenario: What is found in the slot appears as virtual keys
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments"
    When the administrator syncs "Payments"
    Then the key "payroll" is a virtual key of "Payments"
