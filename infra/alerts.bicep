// What somebody must be told of; docs/operations.md says for each what it means and what to do.
param location string
param tags object
param workspaceId string
param accounts array
param address string

// What the app writes into its log, word for word: a test finds each in the code.
var lines = [
  {
    name: 'failed-sends'
    says: 'ends with a failure'
    severity: 2
  }
  {
    name: 'throttled-by-graph'
    says: 'Graph throttles us'
    severity: 3
  }
  {
    name: 'fold-lag'
    says: 'waited to be counted'
    severity: 2
  }
  {
    name: 'hits-not-folded'
    says: 'could not be folded'
    severity: 2
  }
  {
    name: 'hits-set-aside'
    says: 'set aside'
    severity: 2
  }
  {
    name: 'mailboxes-not-watched'
    says: 'could not be watched'
    severity: 2
  }
  {
    name: 'subscriptions-expired'
    says: 'have run out'
    severity: 2
  }
  {
    name: 'hits-at-risk'
    says: 'neither storage nor disk takes hits'
    severity: 1
  }
]

// What the Functions host writes when a message goes to a poison queue, whichever it is.
var hostLines = [
  {
    name: 'poison-queues'
    says: 'Message has reached MaxDequeueCount'
    severity: 1
  }
]

// Timers whose silence is an alarm: nothing is sent, or nothing counted, without them.
var timers = [
  'fire_due_messages'
  'fire_due_reminders'
  'sweep_hits'
  'watch_mailboxes'
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'people'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'engagement'
    enabled: true
    emailReceivers: empty(address) ? [] : [
      {
        name: 'people'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

resource saidInLog 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [for line in concat(lines, hostLines): {
  name: line.name
  location: location
  tags: tags
  properties: {
    displayName: line.name
    description: 'The log says "${line.says}". What to do: docs/operations.md.'
    severity: line.severity
    enabled: true
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    scopes: [
      workspaceId
    ]
    // The tables come with the first telemetry, after this rule.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: 'AppTraces | where Message contains "${line.says}"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}]

resource silent 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [for timer in timers: {
  name: 'silent-${timer}'
  location: location
  tags: tags
  properties: {
    displayName: 'silent-${timer}'
    description: 'The timer ${timer} has not run for 15 minutes. What to do: docs/operations.md.'
    severity: 1
    enabled: true
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    scopes: [
      workspaceId
    ]
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          // Not AppRequests: those are sampled, lines of the log are not (host.json).
          query: 'AppTraces | where Message contains "the timer ${timer} has run"'
          timeAggregation: 'Count'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}]

resource throttledStorage 'Microsoft.Insights/metricAlerts@2018-03-01' = [for account in accounts: {
  name: 'throttled-${account}'
  location: 'global'
  tags: tags
  properties: {
    description: 'The storage account ${account} turns requests away. What to do: docs/operations.md.'
    severity: 2
    enabled: true
    scopes: [
      resourceId('Microsoft.Storage/storageAccounts', account)
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'turned-away'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Storage/storageAccounts'
          metricName: 'Transactions'
          dimensions: [
            {
              name: 'ResponseType'
              operator: 'Include'
              values: [
                'ServerBusyError'
                'ClientAccountRequestThrottlingError'
                'ClientThrottlingError'
              ]
            }
          ]
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}]
